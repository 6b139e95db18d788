"""CON: the status of connectors, availability and unlocking (section E of the catalogue)."""
