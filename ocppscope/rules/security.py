"""SEC: certificates, security profiles and events (section N of the catalogue)."""
