"""SEC: certificates, security profiles and events (section N of the catalogue).

Certificates are parsed only where a message carries one, and never verified against anything but each other.

Sources: OCPP 1.6 security whitepaper edition 3; OCPP 2.0.1 and 2.1 part 2, functional blocks A and M and use case B09,
with the errata of 2025-01 and 2025-09.
"""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from ocppscope.events import CALLRESULT, FROM_CSMS, Message
from ocppscope.ocpp.certificates import Certificate, chain, is_issued_by, issuer_hashes, ocsp, requested_key
from ocppscope.ocpp.configuration import settings_told
from ocppscope.ocpp.lenient import fields, items, text, whole
from ocppscope.ocpp.security_events import is_critical, security_events
from ocppscope.ocpp.times import DAY, HOUR, SECOND, duration, timestamp
from ocppscope.ocpp.versions import V2X, V16, V21
from ocppscope.rules.expectations import expect, meet
from ocppscope.rules.registry import ERROR, INFO, WARNING, Profile, Report, Severity, on_answer, on_call, rule
from ocppscope.rules.sources import WHITEPAPER, part_2, whitepaper
from ocppscope.rules.state import SessionState
from ocppscope.rules.tables.certificates import (
    ROOTS,
    STATION,
    HashKey,
    Signing,
    hash_key,
    hashes_listed,
    text_of,
)
from ocppscope.rules.tables.requests import ACCEPTED, REJECTED, asked, status_of

_DONE: Final = frozenset({ACCEPTED, "RebootRequired"})
_SHOWN: Final = 80
"""Characters of a name that are shown."""
_TOLERANCE: Final = HOUR
"""By which clocks may differ where validity is looked at."""
_EVENT_WITHIN: Final = 300
"""Seconds for a security event to be told."""


def _day(time: int) -> str:
    return (timestamp(time) or "")[:10]


# --- certificates that a station asks for ---

_MARGIN: Final = 60
"""Seconds beyond a time that the station is to wait."""
_SIGNED_WITHIN: Final = 3_600
"""Seconds, where the capture does not show CertSigningWaitMinimum."""


def _now(event: Message, state: SessionState) -> tuple[int, int] | None:
    """The time of a message, from and to: a log may not tell its zone; None where its date is not sure."""
    assumed = state.station.clock.assumed
    if event.time is None or assumed - {"zone"}:
        return None
    slack = DAY if assumed else 0
    return event.time - slack, event.time + slack


def _pending(state: SessionState, payload: dict[str, Any]) -> Signing | None:
    """The SignCertificate that a CertificateSigned fits."""
    return next((one for one in state.station.security.pending() if one.fits(payload)), None)


@rule(
    "SEC-001",
    "A certificate that was asked for does not come, or is asked for too often",
    WARNING,
    on_call("SignCertificate"),
    on_answer("SignCertificate"),
    source=whitepaper("A02", "A02.FR.17, A02.FR.18, A02.FR.19"),
    hint="the CSMS sends CertificateSigned in time; the station waits CertSigningWaitMinimum, then ever twice as long",
    needs="time",
)
def not_signed(event: Message, state: SessionState) -> Report | None:
    if event.call is None:
        return _asked_too_often(event, state)
    if status_of(event) != ACCEPTED:
        return None
    station, number = state.station, event.call.n
    minimum = station.number("CertSigningWaitMinimum")
    seconds = minimum if minimum and minimum > 0 else _SIGNED_WITHIN
    known = "CertSigningWaitMinimum" if minimum else "CertSigningWaitMinimum is not in the capture"
    report = Report(
        f"SignCertificate was accepted, and no CertificateSigned came within {duration(seconds * SECOND)} ({known})",
        severity=None if minimum else INFO,  # an operator may have to approve it
        events=(number,),
    )

    def verdict() -> Report | None:
        one = next((one for one in station.security.signings if one.call.n == number), None)
        return report if one is not None and one.signed is None and station.missed <= number else None

    kind = text(asked(event).get("certificateType"))
    expect(state, "SEC-001", kind, seconds + _MARGIN, verdict, event, blames=FROM_CSMS)
    return None


def _asked_too_often(event: Message, state: SessionState) -> Report | None:
    station = state.station
    kind = text(fields(event.payload).get("certificateType"))
    before = next((one for one in station.security.pending() if one.type == kind), None)
    if before is None or before.status != ACCEPTED or before.signed is not None:
        return None
    if event.time is None or before.call.time is None or before.call.session is not event.session:
        return None
    trigger = station.triggered.get("SignCertificate")
    if trigger is not None and trigger.n > before.call.n:
        return None
    minimum, most = station.number("CertSigningWaitMinimum"), station.number("CertSigningRepeatTimes")
    waited, events = event.time - before.call.time, (before.call.n,)
    if before.is_given_up(waited, minimum):
        return None
    if before.waited is None or before.repeats == 0:
        if minimum and waited < 0.9 * minimum * SECOND:
            return Report(
                f"SignCertificate again after {duration(waited)}; CertSigningWaitMinimum is {minimum} s",
                "too soon",
                events=events,
            )
    elif waited < 1.5 * before.waited and (minimum or state.session.version != V16):
        return Report(
            f"SignCertificate again after {duration(waited)}, as before after {duration(before.waited)}:"
            " the wait is to double",
            "back-off",
            events=events,
        )
    if most is not None and before.repeats >= most >= 0:
        return Report(
            f"SignCertificate is repeated for the {before.repeats + 1}. time; CertSigningRepeatTimes is {most}",
            "repeats",
            events=events,
        )
    return None


def _why_invalid(text_of_chain: str, time: int | None) -> tuple[str, bool] | None:
    """Why a chain cannot be valid, and whether that is sure; None where nothing speaks against it."""
    found = chain(text_of_chain)
    if not found:
        return "it holds no certificate in PEM", True
    leaf = found[0]
    if leaf is None:
        return "its first certificate cannot be read", False
    if time is not None and time > leaf.ends + _TOLERANCE:
        return f"{leaf.subject[:_SHOWN]!r} had expired on {_day(leaf.ends)}", True
    return None


@rule(
    "SEC-002",
    "CertificateSigned that nobody asked for, or that is invalid and accepted",
    ERROR,
    on_call("CertificateSigned", "SecurityEventNotification"),
    on_answer("CertificateSigned"),
    source=whitepaper("A02.FR.06, A02.FR.07", "A02.FR.06, A02.FR.07"),
    hint="the station rejects one that is invalid or not for its key, and tells InvalidChargingStationCertificate",
    needs="session",
)
def odd_certificate_signed(event: Message, state: SessionState) -> Report | None:
    station = state.station
    if event.action == "SecurityEventNotification":
        if fields(event.payload).get("type") == _INVALID_OWN:
            meet(station, "SEC-002", "event")
        return None
    if event.call is None:
        return _not_asked_for(event, state)
    payload, status = asked(event), status_of(event)
    sent = text_of(payload.get("certificateChain"))
    now = _now(event, state)
    why = _why_invalid(sent, now[0] if now else None)
    if status == ACCEPTED:
        if why is not None:
            said, is_sure = why
            return Report(
                f"{said}, and was accepted", "invalid", None if is_sure else WARNING, (event.call.n,)
            )
        return _of_another_key(event, state, sent)
    is_own = payload.get("certificateType") in (None, STATION)
    if status == REJECTED and why is not None and is_own and is_critical(_INVALID_OWN, state.session.version):
        if station.security.told_since(event.call.n, _INVALID_OWN):
            return None
        report = Report(
            f"no {_INVALID_OWN} within {_EVENT_WITHIN} s after a certificate was rejected; {why[0]}",
            _INVALID_OWN,
            events=(event.call.n,),
        )
        since = event.n
        expect(
            state,
            "SEC-002",
            "event",
            _EVENT_WITHIN,
            lambda: None if station.missed > since else report,
            event,
        )
    return None


_INVALID_OWN: Final = "InvalidChargingStationCertificate"


def _not_asked_for(event: Message, state: SessionState) -> Report | None:
    known, last = state.station.security, state.station.requests.get("CertificateSigned")
    if last is not None and last.call.payload == event.payload:
        return None  # sent again
    if not known.signings:
        return Report("no SignCertificate in the capture before it", "no request", INFO)
    latest = known.signings[-1]
    if not any(one.fits(fields(event.payload)) for one in known.signings):
        return None  # of another kind, asked for before the capture
    if any(known.pending()) or latest.call.n <= state.station.missed:
        return None
    said = "accepted" if latest.done else "rejected"
    what = "its certificate was" if latest.done else "it was"
    return Report(
        f"CertificateSigned, and no SignCertificate since the last, when {what} {said}",
        "no request",
        events=(latest.call.n,) + ((latest.done,) if latest.done else ()),
    )


def _of_another_key(event: Message, state: SessionState, sent: str) -> Report | None:
    """Whether an accepted certificate is for none of the keys that the station named in the capture."""
    signings = state.station.security.signings
    if not signings or signings[-1].call.n <= state.station.missed or event.call is None:
        return None
    keys = {
        requested_key(text_of(fields(one.call.payload).get("csr")))
        for one in signings
        if one.fits(asked(event))
    }
    given = [one for one in chain(sent) if one is not None and one.key]
    if not keys or None in keys or not given or any(one.key in keys for one in given):
        return None
    return Report(
        f"{given[0].subject[:_SHOWN]!r} is for another key than that of the request, and was accepted",
        "key",
        WARNING,  # it may have been asked for before the capture
        (signings[-1].call.n, event.call.n),
    )


@rule(
    "SEC-003",
    "SignCertificate does not say what for",
    WARNING,
    on_call("SignCertificate"),
    source=part_2("A02.FR.13"),
    hint="a station with separate certificates for ISO 15118 and for the CSMS names certificateType",
    needs="session",
    versions=V2X,
)
def no_certificate_type(event: Message, state: SessionState) -> Report | None:
    if fields(event.payload).get("certificateType") is not None:
        return None
    station = state.station
    earlier = next((one for one in station.security.signings if one.type is not None), None)
    if earlier is not None:
        return Report(
            f"no certificateType, where an earlier one was for {str(earlier.type)[:40]}",
            events=(earlier.call.n,),
        )
    trigger, request = station.triggered.get("SignCertificate"), station.requests.get("TriggerMessage")
    if request is None or request.call is not trigger or request.status != ACCEPTED:
        return None
    wanted = text(fields(request.call.payload).get("requestedMessage"))
    if trigger is not None and wanted in ("SignV2GCertificate", "SignV2G20Certificate"):
        return Report(f"no certificateType, where the CSMS asked for {wanted}", events=(trigger.n,))
    return None


@rule(
    "SEC-004",
    "A chain of certificates longer than the station says it can",
    WARNING,
    on_answer("CertificateSigned"),
    source=part_2("A02.FR.16"),
    hint="the CSMS keeps the chain within MaxCertificateChainSize; the station rejects one that is longer",
    needs="session",
    versions=V2X,
)
def long_chain(event: Message, state: SessionState) -> Report | None:
    most = state.station.number("MaxCertificateChainSize")
    size = len(text_of(asked(event).get("certificateChain")))
    if status_of(event) != ACCEPTED or not most or most < 0 or size <= most or event.call is None:
        return None
    return Report(
        f"{size:,} characters were accepted; MaxCertificateChainSize is {most:,}", events=(event.call.n,)
    )


@rule(
    "SEC-005",
    "CertificateSigned does not repeat the requestId of SignCertificate",
    ERROR,
    on_call("CertificateSigned"),
    on_answer("CertificateSigned"),
    source=part_2("A02.FR.24, A02.FR.25, A02.FR.26")[V21],
    hint="the CSMS repeats the requestId; the station rejects a certificate with one that it did not give",
    needs="session",
    versions=(V21,),
)
def wrong_signing_id(event: Message, state: SessionState) -> Report | None:
    payload = fields(event.payload) if event.call is None else asked(event)
    identity, kind = whole(payload.get("requestId")), text(payload.get("certificateType"))
    signings = state.station.security.signings
    asked_now = [
        one for one in state.station.security.pending() if one.type == kind or None in (one.type, kind)
    ]
    if not asked_now or asked_now[0].id is None or asked_now[0].call.n <= state.station.missed:
        return None
    latest = asked_now[0]
    if event.call is None:
        if payload.get("requestId") is not None:
            return None
        return Report(
            f"no requestId, where SignCertificate has {latest.id}", "missing", events=(latest.call.n,)
        )
    if status_of(event) != ACCEPTED or identity is None or identity in {one.id for one in signings}:
        return None
    return Report(
        f"requestId {identity} was accepted, where SignCertificate has {latest.id}",
        "unknown",
        events=(latest.call.n, event.call.n),
    )


# --- security profiles ---


_CONFIGURED: Final = "SecurityProfile"


def _profile(state: SessionState) -> tuple[int, str] | None:
    """The security profile in use, and how that is known (2.x); None where it is not."""
    known = whole(state.station.security.settings.get("SecurityProfile"))
    if known is not None:
        return known, _CONFIGURED
    tls = state.opened.tls if state.opened is not None else None
    if tls is None or tls.version is None:
        return None
    return (3, "client certificate") if tls.client_certificate else (2, "TLS")


@rule(
    "SEC-006",
    "The security profile is lowered",
    ERROR,
    on_answer("ChangeConfiguration", "SetNetworkProfile"),
    source=part_2("B09.FR.04, B09.FR.31, B09.FR.32") | {V16: f"{WHITEPAPER} A05.FR.01"},
    hint="the station rejects a lower profile; only AllowSecurityProfileDowngrade lets it go from 3 to 2",
    needs="session",
)
def lowered_profile(event: Message, state: SessionState) -> Report | None:
    payload, status = asked(event), status_of(event)
    if event.call is None or status not in _DONE:
        return None
    events = (event.call.n,)
    if event.action == "ChangeConfiguration":
        if payload.get("key") != "SecurityProfile":
            return None
        before, after = state.station.number("SecurityProfile"), whole(payload.get("value"))
        if before is None or after is None or after > before:
            return None
        if after == before:
            return Report(
                f"SecurityProfile is {before} already, and {status}", f"{after}", WARNING, events=events
            )
        return Report(
            f"SecurityProfile {after} is {status}, where it was {before}", f"{after}", events=events
        )
    known, after = _profile(state), whole(fields(payload.get("connectionData")).get("securityProfile"))
    if known is None or after is None or after >= known[0]:
        return None
    may = state.station.security.settings.get("AllowSecurityProfileDowngrade", "").strip().lower()
    if after > 1 and may == "true":
        return None
    # Whether it may be lowered, or what a connection by TLS was set to be, need not be in the capture.
    is_sure = known[1] == _CONFIGURED and (after <= 1 or may != "")
    return Report(
        f"securityProfile {after} is {status}, where it is {known[0]} ({known[1]})",
        f"{after}",
        None if is_sure else WARNING,
        events,
    )


@rule(
    "SEC-007",
    "A security profile without the certificate that it needs",
    ERROR,
    on_answer("SetVariables"),
    source=part_2("A05.FR.02, A05.FR.03"),
    hint="install a CSMSRootCertificate first; without one the station rejects to go over to profile 2 or 3",
    needs="session",
    versions=V2X,
)
def profile_without_root(event: Message, state: SessionState) -> Report | None:
    """That a station has no ChargingStationCertificate is never on the wire: no message lists it."""
    known = state.station.security
    absent = known.absent.get("CSMSRootCertificate")
    if absent is None or not known.slots or event.call is None or absent <= state.station.missed:
        return None
    profile = _profile(state)
    before = profile[0] if profile is not None else 0
    for one in settings_told(event):
        if one.name != "NetworkConfigurationPriority" or one.value is None:
            continue
        slots = [whole(slot) for slot in one.value.split(",")[:_SLOTS]]
        profiles = [known.slots[slot] for slot in slots if slot is not None and slot in known.slots]
        high = max(profiles, default=0)
        if high >= 2 and high > before:
            return Report(
                f"a slot with securityProfile {high} was accepted, and the station has no CSMSRootCertificate",
                events=(absent, event.call.n),
            )
    return None


_SLOTS: Final = 20


# --- security events ---


@rule(
    "SEC-008",
    "A security event",
    INFO,
    on_call("SecurityEventNotification"),
    source=whitepaper("§8", "A04.FR.01, appendix 1"),
    hint="look at what the station tells: a critical event is one that an operator should know of",
    needs="session",
)
def security_event(event: Message, state: SessionState) -> Report | None:
    payload = fields(event.payload)
    kind, more = text(payload.get("type")), text(payload.get("techInfo"))
    critical = is_critical(kind, state.session.version)
    if kind is None or critical is False:
        return None
    shown = kind[:_SHOWN]
    said = f": {more[:_SHOWN]}" if more else ""
    if critical:
        return Report(f"{shown}, which is critical{said}", shown)
    known = security_events().get(kind)
    why = f"a name of OCPP {' and '.join(known.versions)}" if known else "no event of the standard"
    return Report(f"{shown}, {why}{said}", shown)


_BOOTED: Final = ("StartupOfTheDevice", "ResetOrReboot")
_REAL_BOOTS: Final = frozenset(
    {
        "ApplicationReset",
        "FirmwareUpdate",
        "LocalReset",
        "PowerUp",
        "RemoteReset",
        "ScheduledReset",
        "Watchdog",
    }
)


@rule(
    "SEC-009",
    "A critical security event is not told",
    WARNING,
    on_call("FirmwareStatusNotification", "SignedFirmwareStatusNotification", "SecurityEventNotification"),
    on_answer("BootNotification", "SetVariables"),
    source=whitepaper("A04.FR.01, §8", "A04.FR.01, appendix 1"),
    hint="the station sends SecurityEventNotification for each critical event, later where it was offline",
    needs="time",
)
def untold_event(event: Message, state: SessionState) -> None:
    station, is_16 = state.station, state.session.version == V16
    if event.action == "SecurityEventNotification":
        kind = fields(event.payload).get("type")
        for types in _EVIDENCE:
            if kind in types:
                meet(station, "SEC-009", types)
    elif is_16 and not station.security.knows_whitepaper:
        return
    elif event.action == "BootNotification":
        _expect_boot_event(event, state)
    elif event.action == "SetVariables":
        if '"DateTime"' in (event.call.raw if event.call else "") and any(
            one.name == "DateTime" and one.place is not None and one.place.component == "ClockCtrlr"
            for one in settings_told(event)
        ):
            _expect_event(event, state, ("SettingSystemTime",), "the time was set", event.n)
    elif is_16 and fields(event.payload).get("status") == "Installed":  # 2.x: FW-006
        job = station.jobs.find(event)
        since = job.call.n if job is not None and job.call is not None else 0
        _expect_event(event, state, ("FirmwareUpdated",), "Installed was told", since)


_EVIDENCE: Final = (_BOOTED, ("SettingSystemTime",), ("FirmwareUpdated",))


def _expect_event(event: Message, state: SessionState, types: tuple[str, ...], why: str, since: int) -> None:
    station = state.station
    if station.security.told_since(since, *types):
        return
    quietly: Mapping[Profile, Severity] = {"strict": WARNING, "field": INFO}

    def verdict() -> Report | None:
        if station.missed > event.n or station.security.told_since(since, *types):
            return None
        tells = bool(station.security.events)
        return Report(
            f"{why}, and no {' or '.join(types)} came within {_EVENT_WITHIN} s",
            types[0],
            None if tells else quietly,  # whether it tells of any is not in the capture
        )

    expect(state, "SEC-009", types, _EVENT_WITHIN, verdict, event)


def _expect_boot_event(event: Message, state: SessionState) -> None:
    station = state.station
    boot = event.call
    if event.type != CALLRESULT or status_of(event) != ACCEPTED or boot is None:
        return
    reset, previous = station.requests.get("Reset"), station.registration.previous
    was_reset = (
        reset is not None
        and reset.status == ACCEPTED
        and reset.call.n < boot.n
        and (previous is None or reset.call.n > previous.n)
    )
    if state.session.version == V16:
        if not was_reset:
            return  # a BootNotification may follow a mere reconnect
    elif text(fields(boot.payload).get("reason")) not in _REAL_BOOTS:
        return
    since = reset.call.n if was_reset and reset is not None else boot.n
    _expect_event(event, state, _BOOTED, "the station booted", since)


# --- certificates that are installed ---


@rule(
    "SEC-010",
    "A certificate is installed, listed or deleted as it should not be",
    ERROR,
    on_answer("InstallCertificate", "DeleteCertificate", "GetInstalledCertificateIds"),
    source=whitepaper("M04.FR.04, M04.FR.05, M05.FR.06, M05.FR.10, §6.1", "M03, M04.FR.06, M05.FR.10"),
    hint="the station refuses what the standard forbids, and hashes the issuer's name and key as RFC 6960 does",
    needs="session",
)
def odd_installation(event: Message, state: SessionState) -> Report | list[Report] | None:
    if event.call is None or event.type != CALLRESULT:
        return None
    if event.action == "InstallCertificate":
        return _installed(event, state)
    if event.action == "DeleteCertificate":
        return _deleted(event, state)
    return _listed(event, state)


def _installed(event: Message, state: SessionState) -> Report | None:
    payload = asked(event)
    kind, sent = text(payload.get("certificateType")), text_of(payload.get("certificate"))
    if status_of(event) != ACCEPTED or event.call is None:
        return None
    events = (event.call.n,)
    found = chain(sent)
    if not found:
        return Report("it holds no certificate in PEM, and was accepted", "no certificate", events=events)
    new = found[0]
    if new is None:
        return Report("it cannot be read, and was accepted", "no certificate", WARNING, events)
    station = state.station
    old = station.security.roots.get(kind or "")
    if kind not in ROOTS or old is None or station.flag("AdditionalRootCertificateCheck") is not True:
        return None
    if old.serial == new.serial and old.issuer == new.issuer:
        return None
    if is_issued_by(new, old) is False:
        return Report(
            f"{new.subject[:_SHOWN]!r} was accepted and is not signed by {old.subject[:_SHOWN]!r}, which it"
            " replaces: AdditionalRootCertificateCheck is true",
            "not signed by the old root",
            events=events,
        )
    return None


def _deleted(event: Message, state: SessionState) -> Report | None:
    key, status, known = (
        hash_key(asked(event).get("certificateHashData")),
        status_of(event),
        state.station.security,
    )
    if key is None or event.call is None:
        return None
    if status == ACCEPTED:
        for own in known.own:
            hashes = issuer_hashes(own, None, key[0]) if own.serial.lstrip("0") == key[3] else None
            if hashes is not None and hashes[0] == key[1]:
                return Report(
                    f"the station's own certificate {own.subject[:_SHOWN]!r} was deleted",
                    "own",
                    events=(event.call.n,),
                )
        return None
    listed = known.listed.get(key)
    if status != "NotFound" or listed is None or listed.deleted is not None:
        return None
    if listed.session != event.session.number or listed.n <= max(state.station.missed, known.changed):
        return None
    return Report(
        f"certificate {key[3][:40]} was listed, and is NotFound",
        "not found",
        events=(listed.n, event.call.n),
    )


def _listed(event: Message, state: SessionState) -> list[Report]:
    """Whether a list names a root that was installed, and hashes it in another way."""
    roots = state.station.security.roots
    if not roots:
        return []
    only = text(asked(event).get("certificateType"))  # 1.6, where entries have none
    listed = list(hashes_listed(fields(event.payload)))
    found = []
    for kind, root in roots.items():
        keys = [key for key, of in listed if kind in (of, only) and key[3] == root.serial.lstrip("0")]
        reports = [_mismatch(key, root) for key in keys] if root.is_self_signed else []
        if (
            None not in reports
        ):  # else one of them is the root, and the others have its serial number by chance
            found += [report for report in reports if report is not None]
    return found


_TELLING: Final = 8
"""Hexadecimal digits of a serial number that no other certificate is likely to have."""


def _mismatch(key: HashKey, root: Certificate) -> Report | None:
    hashes = issuer_hashes(root, root, key[0])
    if hashes is None or key[1:3] == hashes:
        return None
    pairs = zip(("issuerNameHash", "issuerKeyHash"), key[1:3], hashes, strict=True)
    wrong = {name: right for name, given, right in pairs if given != right}
    if len(wrong) == 2 and len(key[3]) < _TELLING:  # another certificate
        return None
    right = " and ".join(str(one) for one in wrong.values())
    return Report(
        f"{' and '.join(wrong)} of certificate {key[3][:40]} would be {right}: it is"
        f" {root.subject[:_SHOWN]!r}, which was installed",
        key[3][:40],
    )


@rule(
    "SEC-011",
    "A certificate that has expired, or is not yet valid",
    WARNING,
    on_call("CertificateSigned", "InstallCertificate"),
    source=whitepaper("A02.FR.06, A02.FR.08", "A02.FR.06"),
    hint="the CSMS sends certificates that are valid now; look at its clock and at its certificate authority",
    needs="time",
)
def not_valid_now(event: Message, state: SessionState) -> list[Report]:
    payload = fields(event.payload)
    sent = (
        payload.get("certificateChain") if event.action == "CertificateSigned" else payload.get("certificate")
    )
    now = _now(event, state)
    return list(_out_of_time(chain(text_of(sent)), now)) if text_of(sent) and now else []


def _out_of_time(certificates: tuple[Certificate | None, ...], now: tuple[int, int]) -> Iterator[Report]:
    for one in certificates:
        if one is None:
            continue
        name = one.subject[:_SHOWN]
        if now[0] > one.ends:
            yield Report(f"{name!r} expired on {_day(one.ends)}", name)
        elif now[1] < one.begins - _TOLERANCE:
            yield Report(f"{name!r} is valid from {_day(one.begins)} on", name)


# --- passwords ---

_LEAST: Final = 16
_MOST: Final = 40
_MOST_21: Final = 64


@rule(
    "SEC-012",
    "A password for HTTP Basic that is too short or too long",
    WARNING,
    on_call("ChangeConfiguration", "SetVariables", "SetNetworkProfile"),
    source=whitepaper("A00, §7.2", "A00.FR.205"),
    hint="1.6: 16 to 20 random bytes as 32 to 40 hexadecimal digits; 2.x: 16 to 40 characters",
)
def odd_password(event: Message, state: SessionState) -> list[Report]:
    """A password is never shown, only how long it is."""
    payload, version = event.payload, state.session.version
    if type(payload) is not dict:
        return []
    if event.action == "ChangeConfiguration":
        if payload.get("key") != "AuthorizationKey" or type(payload.get("value")) is not str:
            return []
        return list(_odd_key(payload["value"]))
    if event.action == "SetNetworkProfile":
        given = [fields(payload.get("connectionData")).get("basicAuthPassword")]
    else:
        given = [
            entry.get("attributeValue")
            for entry in map(fields, items(payload.get("setVariableData")))
            if fields(entry.get("variable")).get("name") == "BasicAuthPassword"
        ]
    most = _MOST_21 if version == V21 else _MOST
    return [
        Report(f"BasicAuthPassword has {len(one)} characters", "length")
        for one in given
        if type(one) is str and not _LEAST <= len(one) <= most
    ]


_HEX: Final = frozenset("0123456789abcdefABCDEF")


def _odd_key(key: str) -> Iterator[Report]:
    size = len(key)
    if not _LEAST <= size <= _MOST:
        yield Report(f"AuthorizationKey has {size} characters", "length")
    elif not _HEX.issuperset(key):
        yield Report(
            f"AuthorizationKey has {size} characters, and is no hexadecimal number: does the station take it as it is?",
            "form",
            INFO,
        )
    elif size % 2 or size < 2 * _LEAST:
        yield Report(
            f"AuthorizationKey has {size} hexadecimal digits, which make {size // 2} bytes of {_LEAST} at least",
            "form",
            INFO,
        )


# --- OCSP and ISO 15118 ---

_ASKS: Final = ("GetCertificateStatus", "Get15118EVCertificate", "GetCertificateChainStatus")


@rule(
    "SEC-013",
    "The status of a certificate, or an EV's certificate, cannot be had",
    WARNING,
    on_answer(*_ASKS),
    source=part_2("M01, M02, M06, M07"),
    hint="look at the CSMS and what it asks: the OCSP responder, the contract certificate pool",
    needs="exchange",
    versions=V2X,
)
def no_certificate_status(event: Message, state: SessionState) -> Report | list[Report] | None:
    action = event.action or ""
    events = (event.call.n,) if event.call else ()
    if event.type != CALLRESULT:
        code = str(event.error.code)[:40] if event.error is not None else "an error"
        return Report(f"{action} got {code}", action, events=events)
    payload = fields(event.payload)
    if action == "GetCertificateChainStatus":
        return [
            Report(
                f"{entry.get('status')} by {str(entry.get('source'))[:10]}",
                str(entry["status"]),
                None if entry["status"] == "Failed" else INFO,
                events,
            )
            for entry in map(fields, items(payload.get("certificateStatus"))[:_SLOTS])
            if entry.get("status") in ("Failed", "Revoked", "Unknown")
        ]
    if status_of(event) == "Failed":
        why = text(fields(payload.get("statusInfo")).get("reasonCode"))
        return Report(f"{action} has Failed" + (f": {why[:40]}" if why else ""), action, events=events)
    told = ocsp(text_of(payload.get("ocspResult")), event.time) if action == "GetCertificateStatus" else ""
    if told and "GOOD" not in told:
        return Report(told, "ocsp", INFO, events)
    return None
