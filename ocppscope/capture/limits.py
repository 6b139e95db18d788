"""What the system lets a process have."""

import resource

_WANTED = 65_536


def raise_open_files() -> None:
    """Raise the soft limit of open files as far as it goes: each relayed session takes two."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _WANTED if hard == resource.RLIM_INFINITY else min(_WANTED, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def use_small_tls_buffers() -> None:
    """Let asyncio read TLS through 32 KiB for each connection, two records, and not through 256.

    It touches all of them at once: two thousand idle stations would take half a GiB. There is no public setting.
    """
    from asyncio import sslproto

    if hasattr(sslproto.SSLProtocol, "max_size"):
        sslproto.SSLProtocol.max_size = 1 << 15
