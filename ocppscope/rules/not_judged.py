"""Rows of the catalogue that no capture can judge, and what is missing on the wire.

`docs/rules.md` lists them. A rule that is declared has no row here; a test holds that.
"""

from typing import Final

NOT_JUDGED: Final[dict[str, str]] = {}
"""By id: what would have to be on the wire, in a phrase without its full stop."""
