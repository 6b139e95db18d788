"""SC: charging profiles (section L of the catalogue)."""
