"""Compare Inhouse with other ways of serving the same model, on this machine and in one go; ``make bench`` runs it.

    python benchmarks/compare_servers.py --quick --only inhouse,bare --scenario single

Every server serves the live release of ``ml_model/trained`` by two workers. In each round each one is started, warmed, measured
and stopped in turn, so that whatever else the machine does falls on all of them; ratios are taken within a round.
Before that their answers are compared, and after each load the rows of those that store are counted.
"""

from __future__ import annotations

import argparse
import functools
import itertools
import json
import math
import random
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import load
import report
import servers
from running import Running, logged_answers, started, stored_rows
from servers import Record, Server

ROUNDS = 3
SINGLE_S, BULK_S, WARM_S = 4.0, 3.0, 1.0
QUICK_S = 2.0
REST_S = 3.0
"""How long a server has time to give back what long bodies needed."""
SINGLES = ((1, True), (8, True), (32, True), (8, False))
"""Connections, and whether each request has a fresh one."""
BULK_ROWS = (1_000, 10_000)
BULK_CONNECTIONS = (1, 2)
DIFFERENT = 500
"""Different records among the single predictions."""
CHECKED = 50
SCENARIOS = ("single", "bulk", "start")


class Mismatch(Exception):
    """Servers that should answer alike do not, or the stored rows are not those that were answered."""


def main() -> None:
    """Run the comparison and write its report."""
    options = _options()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("stopped"))
    if shutil.which("wrk") is None:
        sys.exit("wrk is missing; install it, for example by 'apt-get install wrk'")
    bundle = servers.live_bundle()
    spec, records = read_records(bundle)
    chosen = [one for one in all_servers(spec, bundle) if one.key in options.only]
    servers.VAR.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix="run-", dir=servers.VAR))
    facts = report.machine_facts(servers.VAR, servers.PEERS, [server.key for server in chosen])
    bench = Bench(folder, spec, records, options)
    rounds = []
    try:
        for server in chosen:
            (folder / server.key).mkdir()
            server.prepare(folder / server.key)
        bench.check(chosen)
        for number in range(options.rounds):
            # Each round begins with another server, so that none always follows the same one.
            turn = number % len(chosen)
            measured = {server.key: bench.measure(server, number) for server in chosen[turn:] + chosen[:turn]}
            rounds.append({server.key: measured[server.key] for server in chosen})
    except (load.LoadError, Mismatch) as fault:
        sys.exit(f"the run failed: {fault}\nThe logs and databases are in {folder.relative_to(servers.ROOT)}")
    shutil.rmtree(folder)
    result = {"facts": facts, "notes": bench.notes, "titles": {one.key: one.title for one in chosen}, "rounds": rounds}
    (servers.VAR / "servers.json").write_text(json.dumps(result, indent=1) + "\n", "utf-8")
    text = report.tables(result)
    print(text)
    print(report.acceptance(result))
    if options.complete:
        report.write(servers.ROOT / "docs" / "performance.md", text)


class Bench:
    """The bodies, and what is done with each server."""

    def __init__(self, folder: Path, spec: Any, records: Sequence[Record], options: argparse.Namespace) -> None:
        self.notes: list[str] = []
        self._folder, self._spec, self._records, self._options = folder, spec, records, options

    def check(self, chosen: Iterable[Server]) -> None:
        """Raise Mismatch unless all servers give the same answers, to a relative 1e-9."""
        reference: list[servers.Triple] = []
        for server in chosen:
            if server.bulk is None and server.columns is None:
                continue
            print(f"checking {server.title} …", file=sys.stderr)
            with self._started(server, "check") as running:
                got = {"one by one": [_ask(running, server.single, server.body(one))[0] for one in self._records[:CHECKED]]}
                if server.bulk:
                    got["in bulk"] = _ask(running, server.bulk, server.bulk_body(self._records))
                if server.bulk_by_hand:
                    got["in bulk by hand"] = _ask(running, server.bulk_by_hand, server.bulk_body(self._records))
                if server.columns and (answers := self._by_columns(running)):
                    got["by columns"] = answers
            reference = reference or got.get("in bulk") or got["by columns"]
            for way, answers in got.items():
                _same(f"{server.title}, {way},", answers, reference if way != "one by one" else reference[:CHECKED])

    def measure(self, server: Server, number: int) -> dict[str, Any]:
        """Start, warm, load and stop one server; return what was measured."""
        print(f"round {number + 1}: {server.title} …", file=sys.stderr)
        scenarios = self._options.scenario
        with self._started(server, f"round-{number}") as running:
            answered = Counter(server, first=1)
            measured: dict[str, Any] = {"start_s": running.start_s}
            if "single" in scenarios:
                measured |= self._singles(running, answered)
            if "bulk" in scenarios and (server.bulk or server.columns):
                measured |= self._bulks(running, answered)
        answered.compare(stored_rows(running), logged_answers(running))
        return measured

    def _started(self, server: Server, name: str) -> Any:
        return started(server, self._folder / server.key / name, server.body(self._records[0]))

    def _by_columns(self, running: Running) -> list[servers.Triple]:
        """What the server answers to columns; nothing, and a note, where it does not take them."""
        server, path = running.server, str(running.server.columns)
        status, content = load.post(running.port, path, server.headers, load.columns_body(self._spec, self._records))
        if status == 404:
            self.notes.append(f"{server.title} answers 404 at `{path}`, so nothing was sent by columns.")
            server.columns = None
            return []
        if status not in {200, 201}:
            raise load.LoadError(f"{server.title} answered {status} by columns: {content[:300]!r}")
        outputs = {one["name"]: one["data"] for one in json.loads(content)["outputs"]}
        if not {"value", "low", "high"} <= set(outputs):
            self.notes.append(f"The outputs by columns are {', '.join(outputs)}, so they were not compared with the others.")
            return []
        return list(zip(outputs["value"], outputs["low"], outputs["high"], strict=True))

    def _singles(self, running: Running, answered: Counter) -> dict[str, Any]:
        server, measured = running.server, {}
        bodies = running.folder / "bodies"
        bodies.write_bytes(b"\n".join(server.body(record) for record in self._records))
        seconds = self._options.seconds or SINGLE_S

        def post(connections: int, seconds: float, fresh: bool) -> dict[str, float]:
            result = load.single(
                running.port, server.single, server.headers, bodies, connections=connections, seconds=seconds, fresh=fresh
            )
            answered.add(result["requests"], rows=1)
            return result

        post(8, WARM_S, True)
        for connections, fresh in SINGLES:
            measured[report.single_key(connections, fresh)] = post(connections, seconds, fresh)
        return measured | {"memory_single_mb": running.memory_mb()}

    def _bulks(self, running: Running, answered: Counter) -> dict[str, Any]:
        server, measured = running.server, {}
        ways = [("records", server.bulk, server.bulk_body)] if server.bulk else []
        if server.bulk_by_hand:
            ways.append(("hand", server.bulk_by_hand, server.bulk_body))
        if server.columns:
            ways.append(("columns", server.columns, lambda records: load.columns_body(self._spec, records)))
        lasting = self._options.seconds or BULK_S
        for way, path, body_of in ways:
            for rows in BULK_ROWS:
                bodies = [
                    body_of(list(itertools.islice(itertools.cycle(self._records), start, start + rows))) for start in (0, 7, 42)
                ]
                # The first load is there so that each worker has had such a body; the last one overwrites its figures.
                for connections, seconds in ((2, WARM_S), *((number, lasting) for number in BULK_CONNECTIONS)):
                    result = load.bulk(
                        running.port, path, server.headers, bodies, rows=rows, connections=connections, seconds=seconds
                    )
                    answered.add(result["requests"], rows=rows)
                    measured[report.bulk_key(way, rows, connections)] = result
        measured["memory_busy_mb"] = running.memory_mb()
        time.sleep(REST_S)
        return measured | {"memory_mb": running.memory_mb()}


class Counter:
    """Good answers that the clients have counted, against the rows that were stored and the access log."""

    def __init__(self, server: Server, *, first: int) -> None:
        self._server, self._rows, self._requests = server, first, first

    def add(self, requests: float, *, rows: int) -> None:
        """Count good answers of ``rows`` rows each."""
        self._requests += int(requests)
        self._rows += int(requests) * rows

    def compare(self, stored: int | None, logged: int | None) -> None:
        """Raise Mismatch unless each good answer is in the access log, and each of its rows was stored."""
        if logged not in {None, self._requests}:
            raise Mismatch(f"{self._server.title} logged {logged} good answers, the clients got {self._requests}")
        if stored not in {None, self._rows}:
            raise Mismatch(f"{self._server.title} stored {stored} rows and answered {self._rows}")


def read_records(bundle: Path) -> tuple[Any, list[dict[str, Any]]]:
    """The spec of the live release, and different valid records from its data."""
    sys.path.append(str(servers.ROOT))
    from ml_model.data import load_dataset
    from ml_model.spec import parse_spec

    spec = parse_spec((bundle / "model.toml").read_text("utf-8"), released=True)
    records = load_dataset(spec, servers.ROOT / "ml_model").records
    return spec, random.Random(0).sample(records, DIFFERENT)  # noqa: S311  # nothing secret


def all_servers(spec: Any, bundle: Path) -> list[Server]:
    """Every server, in the order of the report."""
    return [
        servers.Inhouse(spec.model.name if spec else ""),
        servers.Bare(),
        servers.FastApi(bundle),
        servers.FastApiStoring(bundle),
        servers.MLflow(bundle),
        servers.BentoML(bundle),
        servers.MLServer(spec, bundle),
    ]


def _ask(running: Running, path: str, body: bytes) -> list[servers.Triple]:
    status, content = load.post(running.port, path, running.server.headers, body)
    if status not in {200, 201}:
        raise load.LoadError(f"{running.server.title} answered {status}: {content[:300]!r}")
    return running.server.answers(content)


def _same(who: str, answers: list[servers.Triple], reference: list[servers.Triple]) -> None:
    flat, expected = (list(itertools.chain.from_iterable(one)) for one in (answers, reference))
    if len(flat) != len(expected) or not all(map(functools.partial(math.isclose, rel_tol=1e-9), flat, expected)):
        raise Mismatch(f"{who} does not give the answers of the others")


def _options() -> argparse.Namespace:
    keys = [one.key for one in all_servers(None, Path())]
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default=",".join(keys), help=f"comma-separated servers, of {', '.join(keys)}")
    parser.add_argument("--scenario", default=",".join(SCENARIOS), help=f"comma-separated, of {', '.join(SCENARIOS)}")
    parser.add_argument("--rounds", type=int, default=0, help=f"how often everything is repeated ({ROUNDS})")
    parser.add_argument(
        "--quick", action="store_true", help=f"one round, {QUICK_S:g} s for each load; nothing is written to docs"
    )
    options = parser.parse_args()
    options.only, options.scenario = options.only.split(","), options.scenario.split(",")
    for name, given, known in (("--only", options.only, keys), ("--scenario", options.scenario, SCENARIOS)):
        if odd := set(given) - set(known):
            parser.error(f"{name}: there is no {', '.join(sorted(odd))}")
    options.rounds = options.rounds or (1 if options.quick else ROUNDS)
    options.seconds = QUICK_S if options.quick else None
    options.complete = not options.quick and set(keys) == set(options.only) and set(SCENARIOS) == set(options.scenario)
    return options


if __name__ == "__main__":
    main()
