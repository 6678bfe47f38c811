"""``FUZZ_SECONDS=60 FUZZ_REQUESTS=100000 FUZZ_SEED=1 python -m scripts.fuzz``: exit code 1 if anything was found.

Request number N of a run is drawn from the seed and N alone, so that a run with the same seed sends the same requests.
"""

from __future__ import annotations

import json
import os
import random
import re
import signal
import sys
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from scripts.fuzz.api_doors import ApiDoors
from scripts.fuzz.checks import fault_of
from scripts.fuzz.page_doors import PageDoors
from scripts.fuzz.raw_door import raw
from scripts.fuzz.reading import Reading, accepted
from scripts.fuzz.records import Records
from scripts.fuzz.request import Answer, Request
from scripts.fuzz.server import ROOT, Probe, Server
from scripts.fuzz.shrink import smallest

_READ_EVERY = 60
"""Predictions that are accepted before they are read again."""
_MOST_READ = 20
"""Predictions of one bulk request that are read again: the newest, which lists show first."""
_MOST_PRINTED = 20
_FINDINGS = ROOT / "var" / "fuzz"
_RAISED = re.compile(r"^(?:[A-Za-z_]\w*\.)*[A-Z]\w*(?:Error|Exception|Warning|DoesNotExist|Overflow)\b.*$", re.MULTILINE)


class Run:
    """One run: its requests, their answers and what was found."""

    def __init__(self, server: Server, seed: int, wanted: str) -> None:
        self._server, self._seed, self._probe = server, seed, Probe(server.address)
        self._ids: list[str] = []
        self._stored_by: dict[str, Request] = {}
        self._reading = Reading(server)
        self._doors = self._drawn(wanted)
        self._counts: dict[str, Counter[str]] = defaultdict(Counter)
        self._slowest: dict[str, float] = defaultdict(float)
        self._slowest_probe_s = 0.0
        self._found: dict[tuple[str, ...], tuple[int, Request]] = {}
        self.sent = 0

    def _drawn(self, wanted: str) -> list[Callable[[random.Random], Request]]:
        records = Records(self._json("/api/v1/model/schema/"))
        model = self._json("/api/v1/model/")
        tensors = self._json(f"/v2/models/{model['name']}")["inputs"]
        index = self._server.send(Request(door="start", path="/admin/", login="superuser")).body.decode()
        lists = sorted(set(re.findall(r'href="(/admin/\w+/\w+/)"', index)))
        api, pages = ApiDoors(records, model["name"], model["version"], tensors), PageDoors(records, lists, self._ids)
        doors = [api.single, api.bulk, api.inference, api.addresses, pages.form, pages.site, pages.admin, pages.review, raw]
        return [door for door in doors if door.__name__ in (wanted.split() or [door.__name__])]

    def _json(self, path: str) -> Any:
        return json.loads(self._server.send(Request(door="start", path=path)).body)

    def step(self) -> None:
        """Send the next request, check its answer, and read what has been accepted from time to time."""
        rng = random.Random(f"{self._seed}:{self.sent}")
        request = rng.choice(self._doors)(rng)
        self.sent += 1
        if request.rows > _MOST_READ:
            self.read()  # so many rows would push those that are pending to the last pages of the lists
        answer, fault = self._tried(request)
        group = f"{answer.status // 100}xx" if answer.status else "closed"
        self._counts[request.door][group] += 1
        self._counts[request.door]["sent"] += 1
        if fault and self._is_sure(request, fault):
            self._note(request, fault, lambda simpler: self._tried(simpler)[1] == fault)
        ids = accepted(request, answer)
        self._counts[request.door]["accepted"] += len(ids)
        self._ids += ids[:3]
        self._stored_by |= dict.fromkeys(ids[:3], request)
        self._reading.add(ids[-_MOST_READ:], request)
        if request.door == "admin" and answer.status == 302 and request.path.endswith("/change/"):
            # A review that was saved must be readable as well.
            reviewed = request.path.split("/")[-3]
            self._reading.add([reviewed] if reviewed in self._stored_by else [], self._stored_by.get(reviewed, request))
        if len(self._reading.pending) >= _READ_EVERY:
            self.read()

    def _tried(self, request: Request) -> tuple[Answer, str]:
        self._probe.slowest_s()
        try:
            answer = self._server.send(request)
        except TimeoutError:
            return Answer(status=0, headers={}, cookies={}, body=b"", seconds=0), "no answer in time"
        probe_s = self._probe.slowest_s()
        self._slowest[request.door] = max(self._slowest[request.door], answer.seconds)
        self._slowest_probe_s = max(self._slowest_probe_s, probe_s)
        return answer, fault_of(request, answer, probe_s)

    def _is_sure(self, request: Request, fault: str) -> bool:
        """Return whether a slow answer is slow again: the machine may have been busy."""
        return "slow" not in fault or all(self._tried(request)[1] == fault for _ in range(2))

    def _note(self, request: Request, fault: str, shows: Callable[[Request], bool], door: str = "") -> None:
        text = self._server.log.read_text(errors="replace") if "status 5" in fault else ""
        raised = _RAISED.findall(text[-20_000:])
        # What differs by the value alone is one finding.
        cause = re.sub(r"[“'\"].*?[”'\"]", "…", raised[-1]) if raised else "/".join(request.path.split("/")[:3])
        key = (door or request.door, fault, cause[:120])
        self._counts[request.door]["found"] += 1
        if key not in self._found and len(self._found) < _MOST_PRINTED:
            self._found[key] = (self.sent - 1, smallest(request, shows))

    def read(self) -> None:
        """Read everything that was accepted since the last time."""
        for name in ("reviewer", "superuser"):
            if not self._server.is_logged_in(name):
                self._server.log_in(name)
        for fault, request in self._reading.faults():
            self._note(request, fault, partial(self._is_unreadable, fault), door="reading")

    def _is_unreadable(self, fault: str, request: Request) -> bool:
        ids = accepted(request, self._tried(request)[0])
        return any(fault in self._reading.faults_of(one, request) for one in ids[:1])

    def report(self, folder: Path) -> int:
        """Print the table and each finding with the command that shows it; return how many there are."""
        columns = ("sent", "2xx", "3xx", "4xx", "5xx", "closed", "accepted", "found")
        print("".join(f"{name:>10}" for name in ("door", *columns, "slowest s")))
        for door, counts in sorted(self._counts.items()):
            print(f"{door:>10}" + "".join(f"{counts[name]:>10}" for name in columns) + f"{self._slowest[door]:>10.2f}")
        print(f"{self.sent} requests of seed {self._seed}; {self._reading.read} accepted predictions were read by every door.")
        print(f"The slowest probe took {self._slowest_probe_s:.2f} s.")
        for place, (key, (number, request)) in enumerate(self._found.items()):
            print(f"\nFOUND {' | '.join(key)} (request {number})\n  {request.command(self._server.base, folder, place)}")
        return len(self._found)


def main() -> None:
    """Run until the time or the number of requests is used up."""
    seconds, most = float(os.environ.get("FUZZ_SECONDS", "60")), int(os.environ.get("FUZZ_REQUESTS", "1000000"))
    seed = int(os.environ.get("FUZZ_SEED", "1"))
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("terminated"))  # so that the server is stopped, too
    with tempfile.TemporaryDirectory() as name:
        server = Server(Path(name))
        server.prepare()
        with server.running():
            run, until = Run(server, seed, os.environ.get("FUZZ_DOORS", "")), time.monotonic() + seconds
            while time.monotonic() < until and run.sent < most:
                run.step()
            run.read()
            found = run.report(_FINDINGS)
    sys.exit(1 if found else 0)


if __name__ == "__main__":
    main()
