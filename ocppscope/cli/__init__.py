"""The commands. Each is thin: it reads options, runs the layers below, and prints."""
