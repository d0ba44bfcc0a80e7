"""Trials on a cluster of SLURM with one node, this machine."""
