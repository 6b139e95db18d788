"""Other processes of this machine."""

import os


def is_there(process: int) -> bool:
    """Whether a process is still there, as far as this machine knows."""
    if process <= 0:  # these would ask for groups of processes
        return False
    try:
        os.kill(process, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:
        pass
    return True
