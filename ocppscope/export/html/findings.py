"""What went wrong: by rule, with what proves each finding, its source in the standard, and what to do."""

from collections.abc import Collection, Sequence
from typing import Final

from ocppscope.export.html.data import Limits, text_of
from ocppscope.export.html.markup import Markup, tag
from ocppscope.ocpp.times import timestamp
from ocppscope.ocpp.wording import arrow, clock, plural, what
from ocppscope.store import FindingRow, Store

WORDS: Final = {"error": "error", "warning": "warning", "info": "note"}
_OPEN: Final = 5
"""Findings of a rule that show; others are behind a line to open."""
_QUOTED: Final = 3
"""Events that are quoted as proof of a finding."""
_LENGTH: Final = 300
"""Characters of an event that are quoted."""


def badge(severity: str) -> Markup:
    """A severity as a word with a colour."""
    return tag(
        "span", WORDS.get(severity, "note"), class_=f"badge {severity if severity in WORDS else 'info'}"
    )


def tally(found: Sequence[FindingRow]) -> list[tuple[str, int]]:
    """Severities, the gravest first, and how many findings of each there are."""
    return [(one, sum(finding.severity == one for finding in found)) for one in WORDS]


def section(store: Store, found: Sequence[FindingRow], kept: Collection[int], limits: Limits) -> Markup:
    """All findings.

    Args:
        store: what they were found in.
        found: the gravest first.
        kept: the numbers of the events that the report holds: to others there is no link.
        limits: how many are shown.
    """
    shown = found[: limits.findings]
    groups: dict[tuple[str, str], list[FindingRow]] = {}
    for one in shown:
        groups.setdefault((one.severity, one.rule), []).append(one)
    note = None
    if len(found) > len(shown):
        note = tag("p", f"{len(shown):,} of {len(found):,} findings are here.", class_="note")
    nothing = None if found else tag("p", "No errors, no warnings, no notes.", class_="good")
    return tag(
        "section",
        tag("h2", "Findings"),
        nothing,
        note,
        [_rule(store, some, kept, limits) for some in groups.values()],
        id="findings",
    )


def _rule(store: Store, some: Sequence[FindingRow], kept: Collection[int], limits: Limits) -> Markup:
    one = some[0]
    written = [_finding(store, finding, kept, limits) for finding in some]
    rest = None
    if written[_OPEN:]:
        rest = tag(
            "details",
            tag("summary", f"{len(written) - _OPEN:,} more of this rule"),
            tag("ul", written[_OPEN:]),
        )
    return tag(
        "article",
        tag("h3", badge(one.severity), " ", tag("code", one.rule), " ", one.title),
        tag("ul", written[:_OPEN]),
        rest,
        tag(
            "dl",
            [
                (tag("dt", name), tag("dd", text))
                for name, text in (("Do", one.hint), ("Source", one.source))
                if text
            ],
        ),
        class_=f"finding {one.severity if one.severity in WORDS else 'info'}",
    )


def _finding(store: Store, one: FindingRow, kept: Collection[int], limits: Limits) -> Markup:
    where = one.station or ("" if one.session is None else f"session {one.session}")
    if one.station is not None and one.session is not None:
        where += f", session {one.session}"
    when = " to ".join(dict.fromkeys(filter(None, (_second(one.first), _second(one.last)))))
    times = f"{one.count:,} times" if one.count > 1 else ""
    proofs = store.proofs(one.number, limits.proofs)
    links: list[Markup | str] = []
    for n in proofs:
        links += [" ", tag("a", n, href=f"#m{n}") if n in kept else str(n)]
    more = (
        f" … {one.count - len(proofs):,} more"
        if proofs and one.count > len(proofs) == limits.proofs
        else None
    )
    about = " · ".join(filter(None, (where, times, when)))
    return tag(
        "li",
        tag("p", one.detail),
        tag("p", about, (" · proof: event", links, more) if links else None, class_="dim proofs"),
        _quotes(store, proofs[:_QUOTED]),
        id=f"f{one.number}",
    )


def _second(time: int | None) -> str:
    return (timestamp(time) or "")[:19].replace("T", " ")


def _quotes(store: Store, numbers: Sequence[int]) -> Markup | None:
    """What was said, so that the proof can be read without a script."""
    quoted = [
        tag(
            "li",
            tag("b", f"{stored.n:,} {clock(stored.event.time)} {arrow(stored.event)} "),
            tag("code", _cut(text_of(stored.event) or what(stored.event))),
        )
        for stored in store.events(list(numbers))
    ]
    if not quoted:
        return None
    return tag(
        "details",
        tag("summary", f"What was said ({plural(len(quoted), 'event')})"),
        tag("ul", quoted),
        class_="quotes",
    )


def _cut(text: str) -> str:
    return text if len(text) <= _LENGTH else f"{text[:_LENGTH]}… ({len(text):,} characters)"
