"""Whether a signature is right."""

from collections.abc import Sequence
from functools import lru_cache
from hashlib import sha256
from typing import Any, Final, Literal, TypeAlias

from ocppscope.events import event
from ocppscope.ocpp.recent import Recent
from ocppscope.ocpp.signed.envelopes import Found
from ocppscope.ocpp.signed.keys import CURVES, PublicKey, read_key
from ocppscope.ocpp.signed.records import (
    INVALID,
    KEY_MISSING,
    NOT_VERIFIABLE,
    VALID,
    Record,
    UnreadableError,
    UnsupportedError,
    Verdict,
)

KeySource: TypeAlias = Literal["message", "configuration", "option"]
SOURCES: Final = {
    "message": "the key in the message",
    "configuration": "the key in the configuration",
    "option": "the key of --public-key",
}
Candidate: TypeAlias = tuple[PublicKey, KeySource]
_CANDIDATES: Final = 50
_VERIFIED: Final = 10_000
_verified: Recent[bytes, bool] = Recent(_VERIFIED)
"""By hash of key, data and signature: stations send the values of a transaction's begin again at its end."""


@event
class Judgement:
    """What is to be said of a signature."""

    verdict: Verdict
    reason: str = ""
    """Why it is not valid."""
    key: PublicKey | None = None
    """With which it is valid; otherwise the one that came with it."""
    source: KeySource | None = None
    faults: tuple[str, ...] = ()
    """What is wrong with the key, or with what the data say of it."""


def judge(found: Found, candidates: Sequence[Candidate] = ()) -> Judgement:
    """Verify a signed value.

    Args:
        found: it.
        candidates: keys that are known otherwise, besides the one in the message, and from where.
    """
    record = found.record
    keys, key_problem, is_damaged = _key_of(found)
    own_key, own_source = keys[0] if keys else (None, None)
    faults: tuple[str, ...] = (key_problem,) if is_damaged else ()
    if record is None:
        return Judgement(NOT_VERIFIABLE, found.problem, own_key, own_source, faults)
    if record.algorithm is None:
        return Judgement(NOT_VERIFIABLE, record.obstacle, own_key, own_source, faults)
    keys += [one for one in candidates[:_CANDIDATES] if one[0] not in [key for key, _ in keys]]
    if not keys:
        if key_problem and not is_damaged:
            return Judgement(NOT_VERIFIABLE, key_problem)
        return Judgement(KEY_MISSING, key_problem or "no public key is known", faults=faults)
    for key, source in keys:
        if verify(record, key):
            curve = record.algorithm.curve
            if key.curve != curve and record.names_algorithm:
                faults += (f"it is signed on {key.curve}, and says on {curve}",)
            return Judgement(VALID, "", key, source, faults)
    return Judgement(INVALID, _why(record, keys), keys[0][0], keys[0][1], faults)


def _key_of(found: Found) -> tuple[list[Candidate], str, bool]:
    """The key in the message, if any; what is wrong with it, and whether it is no key at all."""
    if not found.key:
        return [], "", False
    curve = found.record.algorithm.curve if found.record and found.record.algorithm else None
    try:
        return [(read_key(found.key, curve), "message")], "", False
    except UnreadableError as error:
        return [], str(error), True
    except UnsupportedError as error:
        return [], str(error), False


def _why(record: Record, keys: list[Candidate]) -> str:
    assert record.algorithm is not None
    if _as_der(record.signature, record.algorithm.curve) is None:
        return "the signature is cut short, or no DER"
    key, source = keys[0]
    if key.curve != record.algorithm.curve:
        return f"{SOURCES[source]} is on {key.curve}, and the data say {record.algorithm.curve}"
    tried = SOURCES[source] if len(keys) == 1 else f"any of {len(keys)} keys"
    return f"it does not fit {tried}"


def verify(record: Record, key: PublicKey) -> bool:
    """Whether a record was signed by the owner of a key.

    The curve is the key's: data that name another one, or none, are signed all the same.
    """
    assert record.algorithm is not None
    parts = (key.curve.encode(), key.point, record.algorithm.hash.encode(), record.signature, record.signed)
    digest = sha256(b"".join(len(part).to_bytes(4, "big") + part for part in parts)).digest()
    known = _verified.get(digest)
    if known is None:
        known = _verified[digest] = _verify(record, key)
    return known


def _verify(record: Record, key: PublicKey) -> bool:
    from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import ec

    assert record.algorithm is not None
    signature = _as_der(record.signature, key.curve)
    if signature is None:
        return False
    method: Any = getattr(hashes, record.algorithm.hash)
    try:
        _loaded(key).verify(signature, record.signed, ec.ECDSA(method()))
    except (InvalidSignature, ValueError, UnsupportedAlgorithm):
        return False
    return True


@lru_cache(maxsize=1_000)
def _loaded(key: PublicKey) -> Any:
    from cryptography.hazmat.primitives.asymmetric import ec

    return ec.EllipticCurvePublicKey.from_encoded_point(getattr(ec, CURVES[key.curve][0])(), key.point)


def _as_der(signature: bytes, curve: str) -> bytes | None:
    """A signature as DER: OCMF's own example has r and s without it."""
    from cryptography.hazmat.primitives.asymmetric import utils

    try:
        utils.decode_dss_signature(signature)
    except ValueError:
        size = CURVES[curve][1]
        if len(signature) != 2 * size:
            return None
        r, s = (int.from_bytes(signature[at : at + size], "big") for at in (0, size))
        return utils.encode_dss_signature(r, s)
    return signature
