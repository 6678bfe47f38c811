"""A budget of processor time for what a request costs, in units of a fixed piece of work that is measured in the same run.

    python -m benchmarks.budget            # exit status 1, and a line for each, where something costs more than its limit
    python -m benchmarks.budget --write    # renew benchmarks/budget.toml, after a change that is meant

The unit is work of a like character (JSON, dicts, text, arrays) that no change of this project touches, so that a fast machine
and a slow one, a busy one and an idle one come to nearly the same ratio; for many records it is work on many, because a
neighbour takes more from what lives in memory than from what lives in a cache. Disks do not count: only processor time does,
of all threads. Bytecodes are counted beside it, and are the same on every machine, so a tenth more of them is seen.
"""

from __future__ import annotations

import argparse
import gc
import json
import math
import statistics
import sys
import tempfile
import time
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import cycle
from pathlib import Path
from typing import Any

from benchmarks import bytecodes, harness

FILE = Path(__file__).with_name("budget.toml")
ROOM = 1.8
"""Limit ÷ measured ratio. Between machines and runs ratios differ by less; what trebles does not pass."""
COUNTED_ROOM = 1.1
"""The same of a count, which another version of Python than the one that counted (3.11) comes to otherwise."""
ROUNDS = 40
SHORTEST_S = 0.005
MANY, BULK = 10_000, 1000


@dataclass(frozen=True, kw_only=True)
class Case:
    """One thing that has a budget."""

    name: str
    """Key in ``budget.toml``."""
    words: str
    run: Callable[[], object]
    every: int = 1
    """Measured in every so many-eth round: what is long needs fewer."""
    many: bool = False
    """Whether it is measured by the unit of many records."""
    is_counted: bool = False
    """Whether it is measured in bytecodes."""


def main() -> int:
    """Measure, and compare with the budget or write it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--write", action="store_true", help="renew the measured ratios and the limits")
    told = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        cases = prepare(Path(folder))
        runs = [measure(cases)]
        if told.write:
            # In the middle of three, so that the limits are neither too close nor too far by chance.
            runs += [measure(cases), measure(cases)]
            FILE.write_text(
                as_toml(cases, {case.name: statistics.median(run[case.name] for run in runs) for case in cases}), "utf-8"
            )
        budget = read_budget()
        if over(runs[0], budget):
            # Once more, because a neighbour on the machine may have spoilt the first; what is slow is slow again.
            runs.append(measure(cases))
    ratios = {case.name: min(run[case.name] for run in runs) for case in cases}
    for line in table(cases, ratios, budget):
        print(line)
    faults = over(ratios, budget)
    words = {case.name: case.words for case in cases}
    for name in faults:
        print(f"SLOWER: {words[name]} {_fault(ratios[name], budget.get(name))}", file=sys.stderr)
    return 1 if faults else 0


def prepare(folder: Path) -> list[Case]:
    """Set the app up over a database in ``folder`` and return what is measured."""
    harness.start_app(folder / "budget.sqlite3")
    token = harness.prepare_database()
    from predictions import embedded

    scorer, door = embedded.live(), harness.Door(token)
    records = harness.real_records(MANY)
    # One after the other, so that nothing that remembers its last answer looks quick.
    ones, sent = (cycle(listed) for listed in ([[record] for record in records[:500]], harness.bodies(records[:500])))
    bulk = json.dumps(records[:BULK]).encode()

    def post_one() -> None:
        door.post(harness.ONE, next(sent))

    return [
        Case(name="validate_one", words="validation of one record", run=lambda: scorer.validator.validate(next(ones))),
        Case(name="score_one", words="score of one record", run=lambda: scorer.score(next(ones))),
        Case(name="post_one", words="POST of one record", run=post_one),
        Case(name="bytecodes_one", words="bytecodes of that", run=post_one, is_counted=True),
        Case(
            name="score_many",
            words=f"score of {MANY:,} records",
            run=lambda: scorer.score(records),
            every=4,
            many=True,
        ),
        Case(
            name="post_bulk",
            words=f"POST of {BULK:,} records",
            run=lambda: door.post(harness.BULK, bulk),
            every=4,
            many=True,
        ),
    ]


def measure(cases: list[Case], rounds: int = ROUNDS) -> dict[str, float]:
    """Return the processor time of each case ÷ that of the unit, or its bytecodes, by name.

    Each measurement of a case is divided by the mean of the units just before and after it, which share its clock rate and its
    neighbours; the ratio is the lower quartile of these, because what disturbs only ever adds.
    """
    counts = {case.name: bytecodes.by_file(case.run).total() for case in cases if case.is_counted}
    cases = [case for case in cases if not case.is_counted]
    units = {False: Unit(36, 40), True: Unit(36, 1, rows=1000)}
    # What is short is run so often in a row that the clock is fine enough; the first run brings caches up and does not count.
    for case in cases:
        case.run()
    calls = {case.name: math.ceil(SHORTEST_S / _spent(case.run, 1)) for case in cases}
    gc.collect()
    ratios: dict[str, list[float]] = {case.name: [] for case in cases}
    for number in range(rounds):
        for case in cases:
            if number % case.every:
                continue
            before = _spent(units[case.many].run, 1)
            spent = _spent(case.run, calls[case.name])
            after = _spent(units[case.many].run, 1)
            ratios[case.name].append(spent / ((before + after) / 2))
    return counts | {name: statistics.quantiles(found, n=4, method="inclusive")[0] for name, found in ratios.items()}


class Unit:
    """The piece of work that is 1: some milliseconds of what a request does, by nothing of this project."""

    def __init__(self, fields: int, times: int, rows: int = 1) -> None:
        import numpy as np

        self._numpy, self._times = np, times
        values = cycle([104.5, "choice 3", None, 12.0])
        self._records: list[dict[str, Any]] = [{f"field_{place}": next(values) for place in range(fields)} for _ in range(rows)]
        self._weights = np.linspace(-1.0, 1.0, fields * 40).reshape(fields, 40)

    def run(self) -> float:
        """Do it once."""
        np, total = self._numpy, 0.0
        for _ in range(self._times):
            read = json.loads(json.dumps(self._records))
            checked = [
                {name: value + 0.0 if isinstance(value, float) else value for name, value in record.items()} for record in read
            ]
            words = [" ".join(f"{name}={value}" for name, value in record.items()) for record in checked]
            columns = [
                np.array([value if isinstance(value, float) else np.nan for value in (record[name] for record in checked)])
                for name in checked[0]
            ]
            total += float((np.nan_to_num(np.column_stack(columns)) @ self._weights).sum()) + len(words)
        return total


def over(ratios: Mapping[str, float], budget: Mapping[str, tuple[float, float]]) -> list[str]:
    """Return the names of what costs more than its limit; what has no budget yet is among them."""
    return [name for name, ratio in ratios.items() if name not in budget or ratio > budget[name][1]]


def read_budget() -> dict[str, tuple[float, float]]:
    """Return the measured ratio and the limit of each case."""
    return {name: (one["measured"], one["limit"]) for name, one in tomllib.loads(FILE.read_text("utf-8")).items()}


def as_toml(cases: list[Case], ratios: Mapping[str, float]) -> str:
    """Return the text of ``budget.toml``."""
    lines = [
        "# What a request may cost, in processor time, as a multiple of the unit in benchmarks/budget.py, and in bytecodes.",
        "# Renewed by `python -m benchmarks.budget --write`; a limit that a person has moved by hand is written anew as well.",
    ]
    for case in cases:
        measured = ratios[case.name]
        lines += [
            "",
            f"# {case.words}",
            f"[{case.name}]",
            f"measured = {_number(measured)}",
            f"limit = {_number(measured * (COUNTED_ROOM if case.is_counted else ROOM))}",
        ]
    return "\n".join(lines) + "\n"


def table(cases: list[Case], ratios: Mapping[str, float], budget: Mapping[str, tuple[float, float]]) -> list[str]:
    """Return the findings as a Markdown table."""
    lines = ["| what | units now | when the budget was set | limit |", "|---|---:|---:|---:|"]
    for case in cases:
        measured, limit = budget.get(case.name, (float("nan"), float("nan")))
        lines.append(f"| {case.words} | {_number(ratios[case.name])} | {_number(measured)} | {_number(limit)} |")
    return lines


def _fault(ratio: float, budget: tuple[float, float] | None) -> str:
    if budget is None:
        return f"costs {_number(ratio)} and has no budget; --write gives it one."
    measured, limit = budget
    times = f"{ratio / measured:.2f} × what it cost when the budget was set"
    return f"costs {_number(ratio)}, the limit is {_number(limit)}: {times}."


def _spent(run: Callable[[], object], calls: int) -> float:
    started = time.process_time()
    for _ in range(calls):
        run()
    return (time.process_time() - started) / calls


def _number(value: float) -> str:
    return f"{value:.5g}" if value > 1000 else f"{value:.4g}"


if __name__ == "__main__":
    sys.exit(main())
