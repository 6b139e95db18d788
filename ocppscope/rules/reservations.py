"""RES: reservations (section K of the catalogue)."""
