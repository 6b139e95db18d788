"""AUTH: tokens, and what is done with the answers about them (section F of the catalogue)."""
