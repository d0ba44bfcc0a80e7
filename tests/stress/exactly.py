"""Imported by a config: train such that one process and several can be compared."""

from tests.stress.processes import exact

exact()
