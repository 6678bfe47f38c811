"""Long bodies without the collector of cycles."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def collector_paused() -> Iterator[None]:
    """Keep the collector from looking through ten thousand records again and again while they are made.

    They hold no cycles, and looking took a quarter of the time. For other threads it only runs later; what this request leaves
    behind is collected after it (``deploy/gunicorn.conf.py``).
    """
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()
