"""Every field that the schemas know, for tests of tables."""

from ocppscope.events import CALL, CALLRESULT, SEND
from ocppscope.ocpp.actions import SENT_UNANSWERED, actions_of
from ocppscope.ocpp.schemas import schema

SUFFIX = {CALL: "", SEND: "", CALLRESULT: ".answer"}


def places(version):
    """Each field's place as `living.toml` writes it, and its schema; customData is anybody's."""
    for action in sorted(actions_of(version)):
        for kind in (SEND,) if action in SENT_UNANSWERED else (CALL, CALLRESULT):
            root = schema(version, kind, action)
            assert root is not None
            for path, node in walk(root, root, ()):
                yield "/".join((f"{action}{SUFFIX[kind]}", *path)), node


def walk(node, root, path, within=()):
    reference = node.get("$ref")
    if reference in within:
        return
    if reference:
        node, within = root["definitions"][reference.rpartition("/")[2]], (*within, reference)
    if path:
        yield path, node
    for name, child in node.get("properties", {}).items():
        if name != "customData":
            yield from walk(child, root, (*path, name), within)
    if isinstance(node.get("items"), dict):
        yield from walk(node["items"], root, (*path, "*"), within)
