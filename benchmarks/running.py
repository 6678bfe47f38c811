"""A server that is running: its start, its first good answer, its memory, its end."""

from __future__ import annotations

import os
import re
import signal
import sqlite3
import subprocess
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import load
from servers import ROOT, Server, free_port

START_LIMIT_S = 90
STOP_LIMIT_S = 15


@dataclass
class Running:
    """A server that has answered."""

    server: Server
    folder: Path
    port: int
    process: subprocess.Popen[bytes]
    start_s: float
    """From exec to the first good answer."""

    def memory_mb(self) -> float:
        """Proportional set size of all of its processes."""
        return sum(_pss_kb(pid) for pid in _members(self.process.pid)) / 1024


@contextmanager
def started(server: Server, folder: Path, probe: bytes) -> Iterator[Running]:
    """Start a server on a free port, wait for its first good answer to ``probe``, and stop it whatever happens."""
    folder.mkdir(parents=True)
    server.before_start(folder)
    port = free_port()
    command = [part.format(port=port, folder=folder) for part in server.command]
    with (folder / "log").open("wb") as log:
        begun = time.perf_counter()
        process = subprocess.Popen(
            command, cwd=ROOT, env=server.environment(folder, port), stdout=log, stderr=subprocess.STDOUT, start_new_session=True
        )
        try:
            _wait(server, port, process, probe, folder / "log")
            yield Running(server, folder, port, process, time.perf_counter() - begun)
        finally:
            _stop(process)


def stored_rows(running: Running) -> int | None:
    """Rows in the database of a server that stores."""
    if running.server.table is None:
        return None
    with closing(sqlite3.connect(running.folder / "db.sqlite3")) as connection:
        return int(connection.execute(f"SELECT count(*) FROM {running.server.table}").fetchone()[0])  # noqa: S608


def logged_answers(running: Running) -> int | None:
    """Requests that the server's access log says were answered by 2xx; None where it has none."""
    if running.server.logged is None:
        return None
    return len(re.findall(running.server.logged, (running.folder / "log").read_bytes()))


def _wait(server: Server, port: int, process: subprocess.Popen[bytes], probe: bytes, log: Path) -> None:
    deadline = time.perf_counter() + START_LIMIT_S
    last = "nothing"
    while time.perf_counter() < deadline and process.poll() is None:
        try:
            status, content = load.post(port, server.single, server.headers, probe)
        except OSError as error:
            last = str(error)
        else:
            if status in {200, 201}:
                return
            last = f"{status} {content[:300]!r}"
        time.sleep(0.005)
    raise load.LoadError(f"{server.title} did not start: {last}\n{log.read_text(errors='replace')[-3000:]}")


def _stop(process: subprocess.Popen[bytes]) -> None:
    members = _members(process.pid)
    _signal_group(process.pid, signal.SIGTERM)
    with suppress(subprocess.TimeoutExpired):
        process.wait(STOP_LIMIT_S)
    _signal_group(process.pid, signal.SIGKILL)
    for pid, began in members.items():
        # Only what is still the same process: its number may have gone to another one.
        if _began(pid) == began:
            os.kill(pid, signal.SIGKILL)
    process.wait(STOP_LIMIT_S)


def _signal_group(group: int, number: int) -> None:
    with suppress(ProcessLookupError):
        os.killpg(group, number)


def _members(leader: int) -> dict[int, str]:
    """The leader's session and its descendants, each with its start; a server may give its children a session of their own."""
    family: dict[int, tuple[int, int, str]] = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        fields = _stat(int(path.parent.name))
        if fields and fields[0] != "Z":
            family[int(path.parent.name)] = (int(fields[1]), int(fields[3]), fields[19])
    found = {pid for pid, (_, session, _) in family.items() if leader in {pid, session}}
    while more := {pid for pid, (parent, _, _) in family.items() if parent in found} - found:
        found |= more
    return {pid: family[pid][2] for pid in found}


def _began(pid: int) -> str | None:
    fields = _stat(pid)
    return fields[19] if fields and fields[0] != "Z" else None


def _stat(pid: int) -> list[str]:
    """The fields of ``/proc/PID/stat`` from the state on; none where there is no such process."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return []


def _pss_kb(pid: int) -> int:
    try:
        rollup = Path(f"/proc/{pid}/smaps_rollup").read_text()
    except OSError:
        return 0
    found = re.search(r"^Pss:\s+(\d+) kB", rollup, re.MULTILINE)
    return int(found[1]) if found else 0
