"""What signed meter data says, whichever format it has. Nothing here knows how it was sent, or by whom."""

from decimal import Decimal
from typing import Any, Final, Literal, TypeAlias

from ocppscope.events import event
from ocppscope.ocpp.metering import BEGIN, END

Verdict: TypeAlias = Literal["valid", "invalid", "key missing", "not verifiable", "not signed"]
VALID: Final = "valid"
INVALID: Final = "invalid"
KEY_MISSING: Final = "key missing"
NOT_VERIFIABLE: Final = "not verifiable"
"""By this program: the reason names what it lacks, or what is wrong with the data."""
NOT_SIGNED: Final = "not signed"

LONGEST: Final = 1 << 20
"""Characters of one signed value that are looked at; 2.1 allows 32,768, 2.0.1 2,500."""


class UnreadableError(ValueError):
    """It is damaged, or not what it is said to be. The message says what, for people."""


class UnsupportedError(ValueError):
    """It may be right, and cannot be verified here. The message names what is lacking."""


@event
class Algorithm:
    """How data was signed."""

    curve: str
    """As in `keys.CURVES`."""
    hash: str
    """As `cryptography` names it: `SHA256`."""


@event
class SignedReading:
    """One reading of the meter."""

    time: int | None
    """By the meter's clock, in ns."""
    clock: str | None
    """How far that can be relied on: U not at all, I for information, S synchronized, R relative; L: local time
    of an unknown zone; None: not told."""
    moment: str | None
    """`metering.BEGIN` or `metering.END` of the transaction; None for any other, and where it is not told."""
    value: Decimal | None
    unit: str | None
    obis: str | None
    """Which of the meter's registers, as it was written."""
    usable: bool
    """The meter tells no fault of its own."""
    resolution: Decimal
    """How much one more in the last digit is, in `unit`."""

    @property
    def energy(self) -> Decimal | None:
        """In Wh."""
        factor = _ENERGY_UNITS.get(self.unit or "")
        return None if self.value is None or factor is None else self.value * factor

    @property
    def step(self) -> Decimal:
        """The resolution in Wh."""
        return self.resolution * _ENERGY_UNITS.get(self.unit or "", 1)


_ENERGY_UNITS: Final = {"Wh": 1, "kWh": 1000, "MWh": 1_000_000}
MOMENTS: Final = {BEGIN: "begin", END: "end"}


@event
class Record:
    """One piece of data with its signature."""

    format: str
    """`OCMF 1.0`, `Alfen`, `EDL40`."""
    signed: bytes
    """Exactly what the signature is over."""
    signature: bytes
    """DER, or r and s one after the other."""
    algorithm: Algorithm | None
    """None where `obstacle` says why."""
    names_algorithm: bool
    """The data says by which algorithm; otherwise it is the format's default."""
    readings: tuple[SignedReading, ...]
    about: dict[str, Any]
    """What else is signed, by the format's own names: the meter's serial, pagination, the user."""
    faults: tuple[str, ...] = ()
    """Departures from the format that do not hide what is meant."""
    key: str | bytes | None = None
    """The public key that it carries itself."""
    obstacle: str = ""
    """Why it cannot be verified."""
