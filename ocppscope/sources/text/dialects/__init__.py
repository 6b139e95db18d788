"""One module for each kind of log. A new one is found by being here; it has a tuple `DIALECTS`."""
