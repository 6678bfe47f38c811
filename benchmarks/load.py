"""The load: single predictions by wrk, long bodies by threads of this process; what was begun is waited for and counted."""

from __future__ import annotations

import http.client
import itertools
import json
import subprocess
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

HOST = "127.0.0.1"
TIMEOUT_S = 60
_SCRIPT = Path(__file__).with_name("wrk.lua")


class LoadError(Exception):
    """A server did not answer as it should have."""


def post(port: int, path: str, headers: Mapping[str, str], body: bytes, *, timeout_s: float = TIMEOUT_S) -> tuple[int, bytes]:
    """Post one body over a connection of its own and return the status and the content of the answer."""
    connection = http.client.HTTPConnection(HOST, port, timeout=timeout_s)
    try:
        connection.request("POST", path, body, {"Content-Type": "application/json", "Connection": "close", **headers})
        response = connection.getresponse()
        return response.status, response.read()
    finally:
        connection.close()


def single(
    port: int, path: str, headers: Mapping[str, str], bodies: Path, *, connections: int, seconds: float, fresh: bool
) -> dict[str, float]:
    """Post the lines of a file by wrk; return requests per second and the percentiles of the latency in seconds.

    The latency is counted from the first byte that is sent, so it holds the wait for a free worker but not the handshake.
    """
    sent = {"Content-Type": "application/json", **headers, **({"Connection": "close"} if fresh else {})}
    options = [part for name, value in sent.items() for part in ("-H", f"{name}: {value}")]
    command = [
        "wrk",
        "--threads=1",
        f"--connections={connections}",
        f"--duration={seconds + TIMEOUT_S:g}s",
        f"--timeout={TIMEOUT_S}s",
        f"--script={_SCRIPT}",
        *options,
        f"http://{HOST}:{port}{path}",
        "--",
        str(bodies),
        str(seconds),
        str(connections),
    ]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=seconds + 2 * TIMEOUT_S, check=False)
    except subprocess.TimeoutExpired as late:
        raise LoadError(f"wrk did not end: {late}") from late
    line = next((line for line in done.stdout.splitlines() if line.startswith("RESULT ")), None)
    if line is None:
        raise LoadError(f"wrk gave no result: {done.stdout}{done.stderr}")
    result: dict[str, float] = json.loads(line.removeprefix("RESULT "))
    if result["bad_status"] or result["broken"]:
        raise LoadError(f"{result['bad_status']} answers were refusals and {result['broken']} connections broke")
    if not result["requests"]:
        raise LoadError(f"no request was answered in {seconds:g} s")
    if not result["seconds"]:
        raise LoadError(f"some requests were never answered, within {TIMEOUT_S} s after the end of the load")
    return result | {"rate": result["requests"] / result["seconds"]}


def bulk(
    port: int, path: str, headers: Mapping[str, str], bodies: Sequence[bytes], *, rows: int, connections: int, seconds: float
) -> dict[str, float]:
    """Post long bodies of ``rows`` rows for about ``seconds``; return the rows per second."""
    upcoming = itertools.cycle(bodies)
    rates: list[float] = []
    counts: list[int] = []
    faults: list[Exception] = []

    def one_connection() -> None:
        count, started = 0, time.perf_counter()
        try:
            while time.perf_counter() - started < seconds:
                status, content = post(port, path, headers, next(upcoming))
                if status not in {200, 201}:
                    raise LoadError(f"a body of {rows} rows got {status}: {content[:300]!r}")
                count += 1
        except (OSError, http.client.HTTPException, LoadError) as fault:
            faults.append(fault)
        rates.append(count * rows / (time.perf_counter() - started))
        counts.append(count)

    _side_by_side(one_connection, connections)
    if faults:
        raise LoadError(str(faults[0]) or repr(faults[0]))
    return {"rate": sum(rates), "requests": sum(counts), "rows": sum(counts) * rows}


def _side_by_side(work: Callable[[], None], number: int) -> None:
    threads = [threading.Thread(target=work) for _ in range(number)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def columns_body(spec: Any, records: Sequence[Mapping[str, Any]]) -> bytes:
    """The records as one list of values per field: a request of the Open Inference Protocol v2, with null for unknown."""
    inputs = [
        {
            "name": field.name,
            "shape": [len(records)],
            "datatype": _datatype(field),
            "data": [record[field.name] for record in records],
        }
        for field in spec.field
    ]
    return json.dumps({"inputs": inputs}).encode()


def _datatype(field: Any) -> str:
    if field.choices:
        return "INT64" if any(isinstance(choice, int) for choice in field.codes) else "BYTES"
    return {"integer": "INT64", "number": "FP64", "boolean": "BOOL"}.get(field.kind, "BYTES")
