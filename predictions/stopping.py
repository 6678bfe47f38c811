"""Whether this server is about to stop. The process that gets the signal sets one byte that all workers share."""

from __future__ import annotations

import mmap

_shared = mmap.mmap(-1, 1)


def begin() -> None:
    """Announce the stop to all workers."""
    _shared[0] = 1


def has_begun() -> bool:
    """Return whether the server is about to stop."""
    return _shared[0] == 1
