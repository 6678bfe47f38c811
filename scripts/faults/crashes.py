"""kill -9 of the whole server group under load, on SQLite and on PostgreSQL, and a restart of PostgreSQL."""

from __future__ import annotations

import random
import time
from pathlib import Path

from scripts.faults.postgres import Cluster
from scripts.faults.report import Result, result
from scripts.faults.server import Load, Server, example, serving, stored_rows, wait_until
from scripts.faults.storage import integrity

KILLS = 15


def kill_on_sqlite(folder: Path, kills: int = KILLS) -> Result:
    """Kill the group again and again, and compare what was acknowledged with what is stored."""
    with serving(folder / "killed") as server:
        load = _killed(server, kills)
        return _figure(f"kill -9 of the group, {kills} times, SQLite", server, load, integrity(server))


def kill_on_postgresql(folder: Path, kills: int = KILLS) -> Result:
    """Do the same over PostgreSQL."""
    fault = f"kill -9 of the group, {kills} times, PostgreSQL"
    with Cluster(folder / "cluster") as cluster:
        if not cluster.url:
            return Result(fault=fault, figure="not tried: PostgreSQL is not installed", holds=True)
        with serving(folder / "killed-pg", cluster.url) as server:
            load = _killed(server, kills)
            return _figure(fault, server, load, "ok")


def _killed(server: Server, kills: int) -> Load:
    load = Load(server)
    for _ in range(kills):
        with load:
            time.sleep(random.uniform(0.5, 1.5))  # noqa: S311  # a moment, not a secret
            server.kill()
        server.start()
    return load


def _figure(fault: str, server: Server, load: Load, check: str) -> Result:
    lost, twice = load.compared(stored_rows(server))
    probe = server.ready()
    return result(
        fault,
        f"{len(load.acknowledged)} acknowledged, {lost} lost, {twice} twice; integrity {check}, then ready {probe}",
        something_was_acknowledged=len(load.acknowledged) > 0,
        nothing_is_lost=lost == 0,
        nothing_is_stored_twice=twice == 0,
        database_is_whole=check == "ok",
        is_ready_again=probe == 200,
    )


def postgresql_restart(folder: Path, load_s: float = 2) -> Result:
    """Stop PostgreSQL under load, look at the probe, and start it again."""
    fault = "PostgreSQL stopped and started under load"
    with Cluster(folder / "cluster") as cluster:
        if not cluster.url:
            return Result(fault=fault, figure="not tried: PostgreSQL is not installed", holds=True)
        with serving(folder / "restarted-pg", cluster.url) as server:
            load = Load(server)
            with load:
                time.sleep(load_s)
                cluster.stop()
                probe, page, live = server.ready(), server.get("/").status, server.get("/health/live").status
                cluster.start()
                started_at = time.monotonic()
                wait_until(lambda: server.post(example()).status == 201, 30)
                back_s = time.monotonic() - started_at
                time.sleep(load_s)
            probe_after = server.ready()
            lost, twice = load.compared(stored_rows(server))
    return result(
        fault,
        f"posts {dict(sorted(load.statuses.items()))}; stopped: ready {probe}, live {live}, form {page}; answers "
        f"{back_s:.1f} s after the start, ready {probe_after}; {len(load.acknowledged)} acknowledged, {lost} lost, {twice} twice",
        refused_by_503=set(load.statuses) <= {201, 503},
        probe_is_honest=(probe, live, probe_after) == (503, 200, 200),
        form_is_shown=page == 200,
        recovers_without_a_restart=back_s < 10,
        nothing_is_lost=lost == twice == 0,
    )
