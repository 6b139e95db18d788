"""BOOT: registration, Heartbeats and clocks (section C of the catalogue)."""
