"""Labeled lists: fetch the published ones, or make balanced ones."""
