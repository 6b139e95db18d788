"""RMT: what the CSMS asks for and the station then does (section J of the catalogue)."""
