"""LIST, DT, DM, DISP: local lists, data transfer, configuration and the device model (section O)."""
