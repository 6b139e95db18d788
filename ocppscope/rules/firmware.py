"""FW and LOG: firmware updates, diagnostics and logs (section M of the catalogue)."""
