"""Masking (RFC 6455 §5.3) by the compiled helper of `websockets`, loaded without the rest of it.

The package itself takes longer to import than a small capture takes to check.
"""

from collections.abc import Callable
from importlib.machinery import PathFinder
from importlib.util import find_spec, module_from_spec
from typing import Final

Mask = Callable[[bytes, bytes], bytes]


def _compiled() -> Mask | None:
    package = find_spec("websockets")
    folders = package.submodule_search_locations if package else None
    found = PathFinder.find_spec("websockets.speedups", folders) if folders else None
    if found is None or found.loader is None:
        return None
    module = module_from_spec(found)
    found.loader.exec_module(module)
    mask: Mask = module.apply_mask
    return mask


def _interpreted(data: bytes, key: bytes) -> bytes:
    size = len(data)
    mask = key * (size // 4 + 1)
    return (int.from_bytes(data, "little") ^ int.from_bytes(mask[:size], "little")).to_bytes(size, "little")


apply_mask: Final[Mask] = _compiled() or _interpreted
"""(data, key of four bytes) → data masked or unmasked. On some machines `websockets` is not compiled."""
