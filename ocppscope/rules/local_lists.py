"""LIST: the local authorization list (section O of the catalogue).

Sources: OCPP 1.6 edition 2 §5.10, §5.15; OCPP 2.0.1 and 2.1 part 2, functional block D.
"""

from ocppscope.events import CALLRESULT, Message
from ocppscope.ocpp.lenient import fields, items
from ocppscope.rules.registry import (
    ERROR,
    WARNING,
    Report,
    numbers_of,
    on_answer,
    on_call,
    rule,
)
from ocppscope.rules.sources import part_2
from ocppscope.rules.state import SessionState
from ocppscope.rules.tables.authorizations import token_of
from ocppscope.rules.tables.local_list import version_of
from ocppscope.rules.tables.requests import ACCEPTED, asked, status_of


@rule(
    "LIST-001",
    "A list version that is not above 0",
    ERROR,
    on_call("SendLocalList"),
    source=part_2("D01.FR.18", "errata 3.52"),
    hint="number lists from 1: 0 means that there is none, -1 that there cannot be one (1.6)",
)
def list_version(event: Message, state: SessionState) -> Report | None:
    version = version_of(fields(event.payload))
    return Report(f"the version is {version}") if version is not None and version <= 0 else None


@rule(
    "LIST-002",
    "An old differential list is not refused",
    ERROR,
    on_answer("SendLocalList"),
    source=part_2("D01.FR.19", "§7.47"),
    hint="a differential list with a version that is not higher than the station's is answered VersionMismatch",
    needs="start",
)
def old_list(event: Message, state: SessionState) -> Report | None:
    known, payload = state.station.local_list, asked(event)
    version = version_of(payload)
    if payload.get("updateType") != "Differential" or status_of(event) != ACCEPTED or version is None:
        return None
    if known.version is None or known.is_empty or version > known.version or state.has_gap:
        return None
    if event.call is not None and known.n > event.call.n:
        return None
    return Report(
        f"version {version} was accepted after {known.version}", events=(known.n, *numbers_of(event.call))
    )


@rule(
    "LIST-003",
    "A token stands twice in a list",
    ERROR,
    on_call("SendLocalList"),
    source=part_2("D01.FR.06", "§6.41"),
    hint="send each idTag or idToken once; upper and lower case are the same",
)
def token_twice(event: Message, state: SessionState) -> Report | None:
    entries = items(fields(event.payload).get("localAuthorizationList"))
    seen: set[str] = set()
    twice: list[str] = []
    for entry in map(fields, entries):
        token = token_of(entry)
        if token is not None and token in seen:
            twice.append(token)
        elif token is not None:
            seen.add(token)
    return (
        Report(f"{len(twice)} of {len(entries)} entries, the first at token {twice[0]!r}") if twice else None
    )


@rule(
    "LIST-004",
    "No full list after one was refused",
    WARNING,
    on_call("SendLocalList"),
    source=part_2("D01.FR.03", "§5.15"),
    hint="after Failed or VersionMismatch the CSMS sends the full list",
    needs="session",
)
def no_full_list(event: Message, state: SessionState) -> Report | None:
    refused = state.station.local_list.refused
    if refused is None or fields(event.payload).get("updateType") != "Differential":
        return None
    return Report(f"Differential, after {status_of(refused)}", events=(refused.n,))


@rule(
    "LIST-005",
    "The list version is not the one that was accepted",
    ERROR,
    on_answer("GetLocalListVersion"),
    source=part_2("D02", "§5.10, §6.28"),
    hint="the station lost its list: send it in full; 0 means that it has none, -1 that it supports none (1.6)",
    needs="session",
)
def other_version(event: Message, state: SessionState) -> Report | None:
    known, version = state.station.local_list, version_of(fields(event.payload))
    if event.type != CALLRESULT or version is None or known.version is None or version == known.version:
        return None
    if not known.was_sent or state.has_gap or (event.call is not None and known.n > event.call.n):
        return None
    if version == 0 and (known.is_empty or known.may_be_empty or known.is_off):
        return None
    if known.sent is not None and version == version_of(fields(known.sent.payload)):
        return None  # only the answer that accepted it was lost
    meaning = {0: " (none)", -1: " (not supported)"}.get(version, "")
    return Report(
        f"it is {version}{meaning}; version {known.version} was accepted",
        events=(known.n, *numbers_of(event.call)),
    )
