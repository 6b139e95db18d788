"""MV: what meters tell (section I of the catalogue)."""
