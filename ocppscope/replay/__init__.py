"""Plays one side of a capture against a real peer, and compares what the peer says with what was recorded."""
