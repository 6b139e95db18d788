"""From a tree to a function of an event."""

from collections.abc import Callable, Collection
from typing import Any, TypeAlias

from ocppscope.events import Event
from ocppscope.filter import fields
from ocppscope.filter.payloads import spread, walk
from ocppscope.filter.tree import And, Comparison, Has, Leaf, Node, Not, Or, Word

Judged: TypeAlias = Collection[tuple[str, str]]
"""Rule id and severity of the findings that an event proves."""
Predicate: TypeAlias = Callable[[Event, Judged], bool]
Match: TypeAlias = Callable[[Any], bool]
"""Whether what `Field.get` or `Field.from_row` gives fits."""


def compiled(node: Node) -> Predicate:
    """The function that says whether an event fits."""
    if isinstance(node, And):
        return _all([compiled(part) for part in node.parts])
    if isinstance(node, Or):
        return _any([compiled(part) for part in node.parts])
    if isinstance(node, Not):
        part = compiled(node.part)
        return lambda event, judged: not part(event, judged)
    match = matcher(node)
    if isinstance(node, Word):
        return lambda event, judged: match(fields.searched(event))  # noqa: ARG005
    get, at = node.field.get, node.field.judged
    if at is not None:
        return lambda event, judged: match([one[at] for one in judged])  # noqa: ARG005
    return lambda event, judged: match(get(event))  # noqa: ARG005


def _all(parts: list[Predicate]) -> Predicate:
    def fits(event: Event, judged: Judged) -> bool:
        for part in parts:  # noqa: SIM110 all() takes twice as long
            if not part(event, judged):
                return False
        return True

    return fits


def _any(parts: list[Predicate]) -> Predicate:
    def fits(event: Event, judged: Judged) -> bool:
        for part in parts:  # noqa: SIM110
            if part(event, judged):
                return True
        return False

    return fits


def matcher(leaf: Leaf) -> Match:
    """What one term asks: of events here, of rows in SQL."""
    if isinstance(leaf, Word):
        return _searching(leaf.text)
    field, steps = leaf.field, leaf.steps
    if isinstance(leaf, Has):
        if field is fields.PAYLOAD:
            return lambda payload: bool(walk(payload, steps))
        return bool if field.many else _is_there
    test = field.kind.test("==" if leaf.operator == "!=" else leaf.operator, leaf.literals)
    if not field.many:
        return _of_one(leaf, test)
    of_many = _of_many(leaf, test)
    if field is fields.PAYLOAD:
        return lambda payload: of_many(spread(walk(payload, steps)))
    return of_many


def _is_there(value: Any) -> bool:
    return value is not None


def _of_one(leaf: Comparison, test: Match) -> Match:
    if leaf.operator == "!=":
        return lambda value: value is not None and not test(value)
    return lambda value: value is not None and test(value)


def _of_many(leaf: Comparison, test: Match) -> Match:
    if leaf.operator == "!=":
        return lambda values: bool(values) and not any(map(test, values))
    return lambda values: any(map(test, values))


def _searching(text: str) -> Match:
    needle = text.casefold()

    def match(texts: tuple[str | None, ...]) -> bool:
        return any(text is not None and needle in text.casefold() for text in texts)

    return match
