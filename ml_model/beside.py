"""Work that leaves the lock of the interpreter alone, beside the caller's own."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from threading import Event
from types import TracebackType
from typing import Self, TypeVar

Result = TypeVar("Result")


class Beside:
    """One thread that does one call after the other while the caller goes on; it ends with the ``with``.

    >>> with Beside() as beside:
    ...     begun = beside.begin(lambda: sum(range(1000)))
    >>> begun.result()
    499500
    """

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(max_workers=1)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None) -> None:
        self._thread.shutdown(wait=True, cancel_futures=kind is not None)

    def begin(self, call: Callable[[], Result]) -> Future[Result]:
        """Return what will hold the result of a call, or what it raised, once that call has begun."""
        begun = Event()

        def run() -> Result:
            begun.set()
            return call()

        future = self._thread.submit(run)
        # Hands the lock of the interpreter over. Who only waits for it gets it after 5 ms, which is as long as the call takes.
        begun.wait()
        return future
