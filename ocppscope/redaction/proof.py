"""Whether rules find the same in a capture before and after."""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import TypeAlias

from ocppscope.rules.engine import Finding

_Key: TypeAlias = tuple[str, str, int, str, int, tuple[int, ...]]


@dataclass(frozen=True, slots=True)
class Proof:
    """What a comparison of findings shows."""

    before: int
    after: int
    lost: Mapping[str, int]
    """Findings that are not there any more, by rule."""
    new: Mapping[str, int]
    depending: Collection[str]
    """Rules that judge what was removed: they may differ."""

    @property
    def differing(self) -> list[str]:
        """Rules that find something else, with or without a reason."""
        return sorted({*self.lost, *self.new})

    @property
    def holds(self) -> bool:
        """Nothing differs that was to stay."""
        return set(self.differing) <= set(self.depending)


def compare(before: Iterable[Finding], after: Iterable[Finding], depending: Collection[str] = ()) -> Proof:
    """Compare findings by rule, severity, session, direction, count and the events that prove them."""
    old, new = Counter(map(_key, before)), Counter(map(_key, after))
    lost, more = old - new, new - old
    return Proof(old.total(), new.total(), _by_rule(lost), _by_rule(more), tuple(depending))


def _key(finding: Finding) -> _Key:
    session = finding.session.number if finding.session else 0
    where = session, finding.direction or "", finding.count, tuple(finding.events)
    return finding.rule.id, finding.severity, *where


def _by_rule(keys: Mapping[_Key, int]) -> dict[str, int]:
    found: Counter[str] = Counter()
    for key, count in keys.items():
        found[key[0]] += count
    return dict(sorted(found.items()))
