"""Payloads made of the schemas: the least that fits, and one with every field."""

from ocppscope.events import CALL, CALLRESULT, SEND
from ocppscope.ocpp.actions import BY_SENDER, SENT_UNANSWERED, actions_of
from ocppscope.ocpp.schemas import schema

KINDS = (CALL, CALLRESULT, SEND)


def all_schemas():
    """(version, message type, action, schema) of every payload that there is."""
    for version in BY_SENDER:
        for action in sorted(actions_of(version)):
            for kind in KINDS:
                if kind == SEND and action not in SENT_UNANSWERED:
                    continue
                found = schema(version, kind, action)
                if found is not None:
                    yield version, kind, action, found


def payload_of(node, root, full, depth=0):
    """A value that fits a schema; nothing that is optional below the tenth level."""
    if "$ref" in node:
        node = root["definitions"][node["$ref"].rpartition("/")[2]]
    if "enum" in node:
        return node["enum"][-1 if full else 0]
    kind = node.get("type")
    if kind == "object":
        required = node.get("required", ())
        return {
            name: payload_of(inner, root, full, depth + 1)
            for name, inner in node.get("properties", {}).items()
            if name in required or (full and depth < 10)
        }
    if kind == "array":
        least = max(node.get("minItems", 0), 2 if full and node.get("maxItems", 9) > 1 else 1)
        return [payload_of(node["items"], root, full, depth + 1) for _ in range(least)]
    if kind == "string":
        if node.get("format") == "date-time":
            return "2026-11-22T10:15:00Z"
        return ("Äb9" * 5_000 if full else "1")[: node.get("maxLength", 9_000)]
    if kind in ("number", "integer"):
        return max(node.get("minimum", 0), 0) + (0 if not full or node.get("maximum") == 0 else 1)
    return True if kind == "boolean" else {"a": [1]}
