"""Memory that long bodies needed: it goes back to the system once no more of them come.

Freed memory that is kept is quick to use again: without its pages having to be asked for anew, ten thousand records cost a tenth
less. A worker that only answers single records for the rest of the day should not keep it.
"""

from __future__ import annotations

import ctypes
import threading
from contextlib import suppress


class Memory:
    """Gives back what has been freed, when nobody has needed it for ``quiet_s`` seconds. Safe to share between threads."""

    def __init__(self, quiet_s: float) -> None:
        self._quiet_s = quiet_s
        self._lock = threading.Lock()
        self._timer = threading.Timer(quiet_s, give_back)

    def was_needed(self) -> None:
        """Put off giving back until it is quiet from now on."""
        with self._lock:
            self._timer.cancel()
            self._timer = threading.Timer(self._quiet_s, give_back)
            # It must not keep a worker from ending.
            self._timer.daemon = True
            self._timer.start()


def give_back() -> None:
    """Give the memory that has been freed back to the system."""
    # The C library keeps what was freed; where it is another than GNU's it has no such call, and needs none.
    with suppress(OSError, AttributeError):
        ctypes.CDLL(None).malloc_trim(0)
