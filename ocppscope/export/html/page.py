"""The page: its head with the policy that forbids it everything else, its sections, its data and its script."""

import base64
import hashlib
from collections.abc import Iterator
from functools import cache
from importlib.resources import files

from ocppscope import __version__
from ocppscope.export import Order
from ocppscope.export.html import data, findings, messages, sections, transactions
from ocppscope.export.html.data import Limits
from ocppscope.export.html.markup import Markup, tag
from ocppscope.store import Store

_SECTIONS = ("Summary", "Findings", "Transactions", "Connectors", "Ladder", "Messages")


def parts(store: Store, order: Order, limits: Limits, warning: str = "", shared: str = "") -> Iterator[str]:
    """Yield the parts of the file.

    Args:
        store: what the report tells of.
        order: what was ordered.
        limits: how much of it.
        warning: what is to be said of the whole.
        shared: what was replaced in it, where secrets were taken out.
    """
    found = store.findings()
    shown = found[: limits.findings]
    numbers = data.kept(store, shown, limits)
    yield "<!DOCTYPE html>\n"
    yield f'<html lang="en">{_head(order.source)}<body>'
    yield _top(order, warning, shared)
    yield "<main>"
    yield sections.summary(store, found, limits)
    yield findings.section(store, found, set(numbers), limits)
    yield transactions.section(store, limits)
    yield sections.connectors(store, limits)
    yield messages.ladder()
    yield messages.messages(store, len(numbers), limits)
    yield "</main>"
    yield tag("footer", f"Made by ocppscope {__version__}. Times are UTC.")
    yield '<script type="application/json" id="data">'
    yield from data.block(store, numbers, shown, limits)
    yield f"</script><script>{_asset('report.js')}</script></body></html>\n"


@cache
def _asset(name: str) -> str:
    return files(__package__).joinpath(name).read_text("utf-8")


def _digest(text: str) -> str:
    """As a policy names what may stand in the page."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def _head(source: str) -> Markup:
    style = _asset("report.css")
    policy = (
        f"default-src 'none'; script-src {_digest(_asset('report.js'))}; style-src {_digest(style)}; "
        "base-uri 'none'; form-action 'none'"
    )
    return tag(
        "head",
        tag("meta", charset="utf-8"),
        # Before all that it is to hold for; quotes in it must stay what they are.
        Markup(f'<meta http-equiv="Content-Security-Policy" content="{policy}">'),
        tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
        tag("meta", name="referrer", content="no-referrer"),
        tag("meta", name="color-scheme", content="light dark"),
        tag("title", f"{source} - OCPP report"),
        tag("style", Markup(style)),
    )


def _top(order: Order, warning: str, shared: str) -> Markup:
    links = [tag("a", name, href=f"#{name.lower()}") for name in _SECTIONS]
    about = f"only what fits the filter {order.wanted.text}" if order.wanted is not None else ""
    return tag(
        "header",
        tag("h1", tag("small", "OCPP report"), " ", order.source),
        [tag("p", tag("b", "This is "), text, class_="note") for text in (warning, about) if text],
        tag("p", shared, class_="note") if shared else None,
        tag("nav", links, aria_label="Sections"),
    )
