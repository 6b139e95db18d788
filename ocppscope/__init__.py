"""Protocol analyzer and replay tool for OCPP."""

__version__ = "0.1.0"
