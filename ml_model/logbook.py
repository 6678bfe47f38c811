"""The log of a training: what each stage did and how long it took, for the terminal and for the bundle."""

from __future__ import annotations

import datetime as dt
import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from ml_model.errors import ModelError, TrainingError

Report = Callable[[str], None]


class Logbook:
    """Runs stages in order, tells of each, and keeps the facts."""

    def __init__(self, report: Report) -> None:
        self.report = report
        """Shows one line to the person who waits."""
        self._entries: list[dict[str, Any]] = []

    @contextmanager
    def stage(self, name: str) -> Iterator[dict[str, Any]]:
        """Run one stage, which writes its facts into the dictionary that it is given; raise TrainingError where it fails."""
        started, started_at = time.monotonic(), dt.datetime.now(dt.UTC)
        facts: dict[str, Any] = {}
        self.report(f"{name} …")
        try:
            yield facts
        except (ModelError, ValueError, OSError) as error:
            raise TrainingError(name, error) from error
        taken = time.monotonic() - started
        at = started_at.isoformat(timespec="milliseconds")
        self._entries.append({"stage": name, "started_at": at, "duration_s": round(taken, 3), **facts})
        self.report(f"{name} done in {taken:.1f} s")

    def content(self) -> bytes:
        """Every finished stage as one JSON object per line, UTF-8."""
        return "".join(json.dumps(entry, ensure_ascii=False, allow_nan=False) + "\n" for entry in self._entries).encode()
