"""Tests are deterministic: hypothesis draws the same examples each time, and no machine is too slow for it."""

from hypothesis import settings

settings.register_profile("repeatable", derandomize=True, deadline=None)
settings.load_profile("repeatable")
