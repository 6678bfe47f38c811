"""Bytecodes of Python that a POST of one record takes, by the file that they are in: exact, where processor time is not.

    python -m benchmarks.bytecodes            # the forty files with the most

They are counted from the WSGI application inwards; what the server does before and after is not ours to change.
"""

from __future__ import annotations

import sys
import sysconfig
import tempfile
from collections import Counter
from collections.abc import Callable
from itertools import cycle
from pathlib import Path
from types import FrameType
from typing import Any

from benchmarks import harness

TIMES = 20
"""Calls that are counted, since records differ in what is unknown."""
_SHOWN = 40


def main() -> None:
    """Print the bytecodes of one POST."""
    with tempfile.TemporaryDirectory() as folder:
        harness.start_app(Path(folder) / "bytecodes.sqlite3")
        door = harness.Door(harness.prepare_database())
        sent = cycle(harness.bodies(harness.real_records(500)))
        counts = by_file(lambda: door.post(harness.ONE, next(sent)))
    print(f"{sum(counts.values()):9,.0f} bytecodes for one POST")
    for name, count in counts.most_common(_SHOWN):
        print(f"{count:9,.0f} {_short(name)}")


def by_file(run: Callable[[], object]) -> Counter[str]:
    """Return the bytecodes of one call of ``run`` by the path of their file: the mean of ``TIMES``, after one not counted."""
    counts: Counter[str] = Counter()

    def trace(frame: FrameType, event: str, _value: Any) -> Any:
        frame.f_trace_lines, frame.f_trace_opcodes = False, True
        if event == "opcode":
            counts[frame.f_code.co_filename] += 1
        return trace

    run()
    before = sys.gettrace()
    sys.settrace(trace)
    try:
        for _ in range(TIMES):
            run()
    finally:
        sys.settrace(before)
    del counts[__file__]
    return Counter({name: count / TIMES for name, count in counts.items()})


def _short(name: str) -> str:
    for folder in (*map(Path, sysconfig.get_paths().values()), harness.ROOT):
        if Path(name).is_relative_to(folder):
            return str(Path(name).relative_to(folder))
    return name


if __name__ == "__main__":
    main()
