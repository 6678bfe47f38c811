"""How cost grows: with the rows stored, the fields of a record, the trees of the model and the rows of one request.

    python -m benchmarks.growth                          # in minutes, with up to a million rows stored
    python -m benchmarks.growth --most 10000000          # needs 20 GB of disk
    python -m benchmarks.growth --only fields,trees      # prints, and writes nothing

Prints a table for each and writes them, with the figure ``docs/growth.svg``, into ``docs/performance.md``. Exit status 1 where
anything grows worse than linearly, or where a prediction costs more than 1.2 times as much beside many rows as beside few.
"""

from __future__ import annotations

import argparse
import gc
import math
import multiprocessing
import os
import platform
import shutil
import sqlite3
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from benchmarks import harness, seeding
from benchmarks.loglog import Series, figure, panel

DOCS = harness.ROOT / "docs"
BEGIN, END = "<!-- growth:begin -->", "<!-- growth:end -->"
STEEPEST = 1.1
"""Linear growth has the slope 1; the rest is for noise."""
FLATTEST = 1.2
"""The most that a prediction may cost beside the most rows, as a multiple of its cost beside the fewest."""
FEWEST = 1000
FIELDS, TREES, BULK = (10, 30, 100, 300), (50, 200, 500, 1000, 2000), (1, 10, 100, 1000, 10_000)
ROUNDS, PER_ROUND, WARM = 100, 5, 50
"""Of the requests beside stored rows: rounds, requests of each database in a round, and requests before them."""


@dataclass(frozen=True, kw_only=True)
class Result:
    """What one measurement found."""

    title: str
    table: list[str]
    notes: list[str]
    """Sentences below the table."""
    passed: bool
    plot: Any


def main() -> int:
    """Run what was asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--most", type=int, default=1_000_000, help="most rows stored (default: a million)")
    parser.add_argument("--folder", type=Path, default=harness.ROOT / "var" / "bench", help="where databases and models are made")
    parser.add_argument("--keep", action="store_true", help="keep the databases and models")
    parser.add_argument("--only", default="rows,fields,trees,bulk", help="a part of rows,fields,trees,bulk; writes nothing")
    told = parser.parse_args()
    measured = {"rows": lambda folder: by_rows(folder, told.most), "fields": by_fields, "trees": by_trees, "bulk": by_bulk}
    chosen = told.only.split(",")
    if unknown := set(chosen) - set(measured):
        parser.error(f"there is no {', '.join(sorted(unknown))}")
    if told.most < 10 * FEWEST:
        parser.error(f"--most must be at least {10 * FEWEST:,}, to compare with {FEWEST:,} rows")
    told.folder.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix="growth-", dir=told.folder))
    try:
        results = []
        for name in chosen:
            results.append(measured[name](folder))
            print("\n".join(["", f"### {results[-1].title}", "", *results[-1].table, "", *results[-1].notes]), flush=True)
    finally:
        if not told.keep:
            shutil.rmtree(folder)
    if set(chosen) == set(measured):
        write(results, told.most)
    return 0 if all(one.passed for one in results) else 1


def by_rows(folder: Path, most: int) -> Result:
    """Measure one request beside 1,000 stored predictions and beside ten times as many, up to ``most``."""
    sizes = [10**power for power in range(3, 9) if 10**power <= most]
    token, files = _seeded(folder, sizes)
    bodies = harness.bodies(harness.real_records(500))
    with _workers(files, token, bodies) as workers:
        for worker in workers.values():
            worker.run(WARM)
        taken: dict[int, list[tuple[float, float]]] = {size: [] for size in sizes}
        for number in range(ROUNDS):
            turn = number % len(sizes)
            for size in sizes[turn:] + sizes[:turn]:
                taken[size] += workers[size].run(PER_ROUND)
    wall = {size: [one for one, _ in taken[size]] for size in sizes}
    cpu = {size: statistics.median(other for _, other in taken[size]) for size in sizes}
    middle = {size: statistics.median(wall[size]) for size in sizes}
    high = {size: statistics.quantiles(wall[size], n=20)[-1] for size in sizes}
    table = [
        "| rows stored | median, ms | 95th percentile, ms | processor time, ms | ÷ 1,000 rows |",
        "|---:|---:|---:|---:|---:|",
    ]
    table += [
        f"| {size:,} | {_ms(middle[size])} | {_ms(high[size])} | {_ms(cpu[size])} | {middle[size] / middle[FEWEST]:.2f} |"
        for size in sizes
    ]
    ratio = middle[sizes[-1]] / middle[FEWEST]
    fitted = slope(sizes, list(middle.values()))
    apart = f"{sizes[-1]:,} rows ÷ {FEWEST:,} rows: {ratio:.2f}, accepted <= {FLATTEST}: {_verdict(ratio <= FLATTEST)}."
    notes = [
        f"{ROUNDS * PER_ROUND} requests beside each, in turn.",
        apart,
        _slope_note("one stored prediction", fitted),
    ]
    lines = [Series(label=label, x=sizes, y=_all_ms(one)) for label, one in (("median", middle), ("95th percentile", high))]
    plot = panel("One stored prediction", "rows stored", "milliseconds", lines)
    return Result(title="Rows stored", table=table, notes=notes, passed=ratio <= FLATTEST and fitted <= STEEPEST, plot=plot)


def by_fields(folder: Path) -> Result:
    """Measure the score by models over more and more fields."""
    from benchmarks import trainings

    scorers = {count: trainings.with_fields(count, folder / f"fields{count}") for count in FIELDS}
    return _scores("Fields of a record", "fields", scorers)


def by_trees(folder: Path) -> Result:
    """Measure the score by the project's model with more and more trees."""
    from benchmarks import trainings

    scorers = {count: trainings.with_trees(count, folder / f"trees{count}") for count in TREES}
    return _scores("Trees of the model", "trees", scorers)


def _scores(title: str, unit: str, scorers: Mapping[int, Any]) -> Result:
    from benchmarks import trainings

    records = {count: trainings.records_for(scorer, 10_000) for count, scorer in scorers.items()}
    ones = {count: (lambda scorer=scorer, rows=records[count][:1]: scorer.score(rows)) for count, scorer in scorers.items()}
    many = {count: (lambda scorer=scorer, rows=records[count]: scorer.score(rows)) for count, scorer in scorers.items()}
    # The records of all sizes are the benchmark's own; the garbage collector must not look through them for each of them.
    gc.collect()
    gc.freeze()
    one = _medians(harness.interleaved(ones, 60, calls=3))
    all_ = _medians(harness.interleaved(many, 5))
    table = [
        f"| {unit} | score of one record, ms | score of 10,000 records, ms | of these per record, µs |",
        "|---:|---:|---:|---:|",
    ]
    table += [f"| {count:,} | {_ms(one[count])} | {_ms(all_[count])} | {all_[count] * 100:.1f} |" for count in scorers]
    slopes = {"one record": slope(list(one), list(one.values())), "10,000 records": slope(list(all_), list(all_.values()))}
    lines = [Series(label=label, x=list(part), y=_all_ms(part)) for label, part in zip(slopes, (one, all_), strict=True)]
    return Result(
        title=title,
        table=table,
        notes=[_slope_note(label, fitted) for label, fitted in slopes.items()],
        passed=max(slopes.values()) <= STEEPEST,
        plot=panel(title, unit, "milliseconds", lines),
    )


def by_bulk(folder: Path) -> Result:
    """Measure scoring and storing of more and more records at once, in a process of its own."""
    # Another database than that of the seeds, and Django is set up once per process.
    context = multiprocessing.get_context("spawn")
    with context.Pool(1) as pool:
        middle = pool.apply(_bulk_seconds, (folder / "bulk.sqlite3",))
    table = ["| records at once | predict and store, ms | per record, µs |", "|---:|---:|---:|"]
    table += [f"| {count:,} | {_ms(spent)} | {spent / count * 1e6:,.0f} |" for count, spent in middle.items()]
    fitted = slope(list(middle), list(middle.values()))
    each = {count: spent / count for count, spent in middle.items()}
    lines = [
        Series(label=label, x=list(part), y=_all_ms(part)) for label, part in (("all of them", middle), ("per record", each))
    ]
    plot = panel("Records at once", "records", "milliseconds", lines)
    note = _slope_note("all records", fitted)
    return Result(title="Records at once", table=table, notes=[note], passed=fitted <= STEEPEST, plot=plot)


def _bulk_seconds(file: Path) -> dict[int, float]:
    harness.start_app(file)
    harness.prepare_database()
    from predictions.services import predict_and_store_many

    records = harness.real_records(BULK[-1])
    cases = {count: (lambda rows=records[:count]: predict_and_store_many(rows)) for count in BULK}
    small = {count: case for count, case in cases.items() if count <= 100}
    large = {count: case for count, case in cases.items() if count > 100}
    return _medians(harness.interleaved(small, 40) | harness.interleaved(large, 7))


def slope(x: Sequence[float], y: Sequence[float]) -> float:
    """Return the exponent of growth: the slope of a line by least squares through the upper half of x, both in logarithms.

    >>> round(slope([1, 10, 100, 1000], [5, 5, 20, 400]), 2)
    1.3
    """
    middle = math.sqrt(min(x) * max(x)) * 0.999
    upper = [(math.log(here), math.log(there)) for here, there in zip(x, y, strict=True) if here >= middle]
    return statistics.linear_regression([one for one, _ in upper], [other for _, other in upper]).slope


def write(results: Sequence[Result], most: int) -> None:
    """Write tables and figure into the documentation, between the marks of this benchmark."""
    words = "Cost against size with two logarithmic axes: " + "; ".join(
        [f"{one.title.lower()}: {' '.join(note for note in one.notes)}" for one in results]
    )
    (DOCS / "growth.svg").write_text(figure([one.plot for one in results], words) + "\n", "utf-8")
    page = DOCS / "performance.md"
    text = page.read_text("utf-8") if page.exists() else "# Performance\n"
    if BEGIN not in text:
        text += f"\n## Growth\n\n{BEGIN}\n{END}\n"
    before, after = text.partition(BEGIN)[0], text.partition(END)[2]
    where = f"{os.cpu_count()} cores, {platform.machine()}, Python {platform.python_version()}, SQLite {sqlite3.sqlite_version}"
    intro = (
        f"Measured by `make bench-growth BENCH_ARGS='--most {most}'` ({where} with `synchronous = FULL`). The exponent of growth "
        "is the slope over the upper half of the sizes, both in logarithms: 0 does not grow, 1 is linear."
    )
    parts = [intro, "![Cost against size](growth.svg)"]
    for one in results:
        parts += [f"### {one.title}", "\n".join(one.table), "\n".join(f"- {note}" for note in one.notes)]
    page.write_text(before + BEGIN + "\n" + "\n\n".join(parts) + "\n" + END + after, "utf-8")


class _Worker:
    """A process over one database that makes requests when it is told to."""

    def __init__(self, file: Path, token: str, bodies: list[bytes]) -> None:
        context = multiprocessing.get_context("spawn")
        self._ours, theirs = context.Pipe()
        self._process = context.Process(target=_serve, args=(theirs, file, token, bodies), daemon=True)
        self._process.start()
        theirs.close()

    def run(self, count: int) -> list[tuple[float, float]]:
        """Return wall and processor seconds of each of so many requests."""
        self._ours.send(count)
        seconds: list[tuple[float, float]] = self._ours.recv()
        return seconds

    def stop(self) -> None:
        """End the process."""
        self._ours.close()
        self._process.join()


def _serve(orders: Connection, file: Path, token: str, bodies: list[bytes]) -> None:
    harness.start_app(file)
    door, sent = harness.Door(token), 0
    while True:
        try:
            count = orders.recv()
        except EOFError:
            return
        # Another process had the core and its caches; this request brings the own data back, and is not counted.
        door.post(harness.ONE, bodies[sent % len(bodies)])
        seconds = []
        for _ in range(count):
            sent += 1
            wall, cpu = time.perf_counter(), time.process_time()
            door.post(harness.ONE, bodies[sent % len(bodies)])
            seconds.append((time.perf_counter() - wall, time.process_time() - cpu))
        orders.send(seconds)


@contextmanager
def _workers(files: Mapping[int, Path], token: str, bodies: list[bytes]) -> Iterator[dict[int, _Worker]]:
    workers = {size: _Worker(file, token, bodies) for size, file in files.items()}
    try:
        yield workers
    finally:
        for worker in workers.values():
            worker.stop()


def _seeded(folder: Path, sizes: Sequence[int]) -> tuple[str, dict[int, Path]]:
    seeds, files = folder / "seeds.sqlite3", {}
    os.environ["SQLITE_TMPDIR"] = str(folder)
    token = seeding.make_seeds(seeds)
    for size in sizes:
        files[size] = folder / f"rows{size}.sqlite3"
        spent = seeding.multiply(seeds, files[size], size)
        print(f"{size:,} rows made in {spent:.1f} s, {files[size].stat().st_size / 1e6:,.0f} MB", file=sys.stderr, flush=True)
    return token, files


def _medians(seconds: Mapping[int, Sequence[float]]) -> dict[int, float]:
    return {count: statistics.median(one) for count, one in seconds.items()}


def _ms(seconds: float) -> str:
    return f"{seconds * 1000:,.2f}" if seconds < 0.1 else f"{seconds * 1000:,.0f}"


def _all_ms(seconds: Mapping[int, float]) -> list[float]:
    return [one * 1000 for one in seconds.values()]


def _slope_note(what: str, fitted: float) -> str:
    return f"Exponent of growth, {what}: {fitted:.2f}, accepted <= {STEEPEST}: {_verdict(fitted <= STEEPEST)}."


def _verdict(passed: bool) -> str:
    return "passed" if passed else "FAILED"


if __name__ == "__main__":
    sys.exit(main())
