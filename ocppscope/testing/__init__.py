"""Captures as regression tests: what is expected of them, and whether it holds. Knows no command line and no pytest."""
