"""Faults that a recording proxy makes on purpose, in bytes that pass through it. No I/O, no clock."""
