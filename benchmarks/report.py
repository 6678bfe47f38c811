"""What was measured, as tables: medians over the rounds with the least and the greatest, and ratios taken within each round."""

from __future__ import annotations

import os
import platform
import re
import statistics
import subprocess
import time
from collections.abc import Callable, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

Read = Callable[[dict[str, Any]], float | None]
_BEGIN, _END = "<!-- servers:begin -->", "<!-- servers:end -->"
_OURS = ("django", "gunicorn", "scikit-learn", "numpy", "pydantic")
_THEIRS = {
    "fastapi": ("fastapi", "uvicorn", "sqlalchemy"),
    "mlflow": ("mlflow", "uvicorn"),
    "bentoml": ("bentoml", "uvicorn"),
    "mlserver": ("mlserver", "uvicorn"),
}


def single_key(connections: int, fresh: bool) -> str:
    """Where the figures of single predictions are kept."""
    return f"single_{connections}_{'fresh' if fresh else 'kept'}"


def bulk_key(way: str, rows: int, connections: int) -> str:
    """Where the figures of long bodies are kept."""
    return f"{way}_{rows}_{connections}"


def machine_facts(var: Path, peers: Path, keys: Sequence[str]) -> dict[str, str]:
    """What somebody needs to know to judge the figures; taken before the run, for the load of the machine is among it."""
    load, _, _ = os.getloadavg()
    cpu = re.search(r"model name\s*:\s*(.+)", Path("/proc/cpuinfo").read_text())
    facts = {
        "processor": f"{os.cpu_count()} cores, {cpu[1] if cpu else platform.machine()}",
        "system": f"{platform.system()} {platform.release()}",
        "Python": platform.python_version(),
        "commit": _first_line("git", "rev-parse", "--short", "HEAD"),
        "load tool": " ".join(_first_line("wrk", "--version").split()[:2]),
        "load average at the start": f"{load:.1f}",
        "one write made durable": f"{_fsync_s(var) * 1e3:.2f} ms",
        "Inhouse": ", ".join(f"{name} {version(name)}" for name in _OURS),
    }
    for peer, names in _THEIRS.items():
        if any(key.startswith(peer) for key in keys):
            pins = dict(
                re.findall(r"^([\w.-]+)==([^\s;]+)", (peers / peer / "requirements.txt").read_text("utf-8"), re.MULTILINE)
            )
            facts[peer] = ", ".join(f"{name} {pins[name]}" for name in names)
    return facts


def _first_line(*command: str) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return next(iter((done.stdout or done.stderr).splitlines()), "unknown")


def _fsync_s(folder: Path) -> float:
    """Median time of a small write and its fsync, which bounds what storing can cost."""
    times = []
    path = folder / "fsync"
    with path.open("wb") as file:
        for _ in range(50):
            begun = time.perf_counter()
            file.write(bytes(4096))
            file.flush()
            os.fsync(file.fileno())
            times.append(time.perf_counter() - begun)
    path.unlink()
    return statistics.median(times)


def _figures(result: dict[str, Any]) -> list[tuple[str, str, Read, int]]:
    """Every row of the tables: its words, its unit, how it is read from the figures of a server, and its decimals."""
    rows: list[tuple[str, str, Read, int]] = []
    known = {key for one in result["rounds"] for figures in one.values() for key in figures}
    for key in sorted(known, key=_order):
        kind, *parts = key.split("_")
        if kind == "single":
            words = f"one record, {_connections(int(parts[0]), f'{parts[1]} ')}"
            rows.append((words, "requests/s", lambda one, key=key: _inner(one, key, "rate"), 0))
            rows.extend(
                (f"{words}, {percentile}", "ms", lambda one, key=key, name=percentile: _inner(one, key, name, 1e3), 2)
                for percentile in ("p50", "p95", "p99")
            )
        elif kind in {"records", "columns"}:
            words = f"{int(parts[0]):,} rows by {kind}, {_connections(int(parts[1]))}"
            rows.append((words, "rows/s", lambda one, key=key: _inner(one, key, "rate"), 0))
        elif kind == "hand":
            words = f"{int(parts[0]):,} rows by records, by hand where that is quicker, {_connections(int(parts[1]))}"
            documented = f"records_{parts[0]}_{parts[1]}"
            rows.append(
                (words, "rows/s", lambda one, key=key, other=documented: _inner(one, key if key in one else other, "rate"), 0)
            )
    rows.append(("memory after single predictions", "MB", lambda one: one.get("memory_single_mb"), 0))
    rows.append(("memory as the last long body was answered", "MB", lambda one: one.get("memory_busy_mb"), 0))
    rows.append(("memory at rest after everything", "MB", lambda one: one.get("memory_mb"), 0))
    rows.append(("from start to first good answer", "s", lambda one: one.get("start_s"), 2))
    return rows


def _order(key: str) -> tuple[int, bool, list[int]]:
    kinds = ("single", "records", "hand", "columns")
    kind = key.partition("_")[0]
    return kinds.index(kind) if kind in kinds else len(kinds), "kept" in key, [int(part) for part in re.findall(r"\d+", key)]


def _connections(number: int, kind: str = "") -> str:
    return f"{number} {kind}connection{'' if number == 1 else 's'}"


def _inner(figures: dict[str, Any], key: str, name: str, factor: float = 1.0) -> float | None:
    return figures[key][name] * factor if key in figures else None


def _over_rounds(result: dict[str, Any], server: str, read: Read) -> list[float]:
    return [value for one in result["rounds"] if server in one and (value := read(one[server])) is not None]


def _ratios(result: dict[str, Any], server: str, read: Read, read_peer: Read | None = None) -> list[float]:
    """Inhouse : server, in each round."""
    pairs = [
        (read(one["inhouse"]), (read_peer or read)(one[server])) for one in result["rounds"] if {"inhouse", server} <= set(one)
    ]
    return [ours / theirs for ours, theirs in pairs if ours is not None and theirs]


def _cell(values: Sequence[float], decimals: int) -> str:
    if not values:
        return "–"
    middle, least, most = (f"{value:,.{decimals}f}" for value in (statistics.median(values), min(values), max(values)))
    return middle if len(values) == 1 else f"{middle} ({least} to {most})"


def tables(result: dict[str, Any]) -> str:
    """The report in Markdown."""
    titles = result["titles"]
    lines = [f"- {name}: {fact}" for name, fact in result["facts"].items()]
    lines += [f"- {note}" for note in result["notes"]]
    rounds = len(result["rounds"])
    spread = f"median of {rounds} rounds, with the least and the greatest" if rounds > 1 else "one round"
    lines += ["", f"Figures ({spread}):", "", *_table(["", "unit", *titles.values()])]
    figures = _figures(result)
    for words, unit, read, decimals in figures:
        cells = [_cell(_over_rounds(result, key, read), decimals) for key in titles]
        if set(cells) != {"–"}:
            lines.append(f"| {words} | {unit} | {' | '.join(cells)} |")
    others = [key for key in titles if key != "inhouse"]
    if "inhouse" in titles and others:
        lines += ["", f"Inhouse ÷ the other ({spread}):", "", *_table(["", *(titles[key] for key in others)])]
        for words, unit, read, _ in figures:
            cells = [_cell(_ratios(result, key, read), 2) for key in others]
            if set(cells) != {"–"}:
                lines.append(f"| {words}, {unit} | {' | '.join(cells)} |")
    return "\n".join(lines)


def _table(heads: Sequence[str]) -> list[str]:
    return [f"| {' | '.join(heads)} |", "|" + "---|" * len(heads)]


def acceptance(result: dict[str, Any]) -> str:
    """One line for each limit that this project sets itself: what was measured, and whether it holds."""
    lines = [
        _judged(words, _ratios(result, server, read, read_peer), at_least, limit)
        for words, server, read, read_peer, at_least, limit in _limits()
    ]
    starts = _over_rounds(result, "inhouse", lambda one: one.get("start_s"))
    lines.append(_judged("first good answer, s", starts, False, 1.2))
    return "\n".join(line for line in lines if line)


def _limits() -> list[tuple[str, str, Read, Read | None, bool, float]]:
    """Words, the server to compare with, how to read both, whether the ratio is to be at least (or at most), the limit."""

    def of(key: str, name: str = "rate") -> Read:
        return lambda one: _inner(one, key, name)

    limits: list[tuple[str, str, Read, Read | None, bool, float]] = []
    for connections in (8, 32):
        key = single_key(connections, True)
        for server, limit in (("fastapi", 10), ("fastapi-storing", 12), ("bare", 0.25)):
            limits.append((f"single, {connections} fresh connections ÷ {server}", server, of(key), None, True, limit))
    limits.append(("p99 at 8 fresh connections ÷ fastapi", "fastapi", of(single_key(8, True), "p99"), None, False, 0.1))
    for connections in (1, 2):
        records, by_hand, columns = (of(bulk_key(way, 10_000, connections)) for way in ("records", "hand", "columns"))
        for theirs, words in ((records, ""), (by_hand, " by hand")):
            for server, limit in (("fastapi", 1.5), ("fastapi-storing", 3)):
                limits.append(
                    (f"10,000 records, {_connections(connections)} ÷ {server}{words}", server, records, theirs, True, limit)
                )
            limits.append(
                (f"10,000 rows by columns, {_connections(connections)} ÷ fastapi{words}", "fastapi", columns, theirs, True, 2)
            )
    for key, words in (("memory_single_mb", "after single predictions"), ("memory_mb", "at rest after everything")):
        limits.append((f"memory {words} ÷ fastapi", "fastapi", lambda one, key=key: one.get(key), None, False, 0.5))
    return limits


def _judged(words: str, values: Sequence[float], at_least: bool, limit: float) -> str:
    if not values:
        return ""
    value = statistics.median(values)
    holds = value >= limit if at_least else value <= limit
    return f"{'holds ' if holds else 'FAILS '} {words}: {_cell(values, 2)}, wanted {'≥' if at_least else '≤'} {limit:g}"


def write(path: Path, text: str) -> None:
    """Put the tables between the markers of a page, which is made where there is none."""
    page = path.read_text("utf-8") if path.is_file() else f"# Performance\n\n`make bench` measures this.\n\n{_BEGIN}\n{_END}\n"
    before, begin, rest = page.partition(_BEGIN)
    _, end, after = rest.partition(_END)
    if not begin or not end:
        raise SystemExit(f"{path.name} lacks the markers {_BEGIN} and {_END}")
    path.write_text(f"{before}{begin}\n{text}\n{end}{after}", "utf-8")
