"""Every rule. A new module of rules is added to this list, and nowhere else."""

from ocppscope.rules import capture, configuration, rpc, schema, times, websocket

__all__ = ["capture", "configuration", "rpc", "schema", "times", "websocket"]
