"""Faults of the database file: a full disk, a read-only file, a deleted file, a lock, a restore."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager, suppress
from pathlib import Path

from scripts.faults.report import Result, result
from scripts.faults.server import READY, Load, Server, example, serving, stored_rows, wait_until

PATIENCE_S = 20
"""How long a write waits for a lock: ``timeout`` in the settings."""
_LOAD_S = 5
"""How long a backup is under load."""


@contextmanager
def _small_disk(folder: Path, size: str) -> Iterator[bool]:
    """Mount a small file system in a folder, which needs root; yield whether that was possible."""
    folder.mkdir(parents=True)
    command = ["mount", "-t", "tmpfs", "-o", f"size={size}", "none", str(folder)]
    mounted = subprocess.run(command, capture_output=True, check=False).returncode == 0
    try:
        yield mounted
    finally:
        if mounted:
            subprocess.run(["umount", "-l", str(folder)], check=True)


def full_disk(folder: Path) -> Result:
    """Fill the disk, post until nothing can be stored, and make room again."""
    fault = "full disk, and room again"
    disk = folder / "small"
    with _small_disk(disk, "24m") as mounted:
        if not mounted:
            return Result(fault=fault, figure="not tried: only root can mount a small disk", holds=True)
        with serving(disk) as server:
            load, filler = Load(server, threads=2), disk / "filler"
            _fill(filler)
            with load:
                refused = wait_until(lambda: load.statuses[503] >= 4, 60)
            probe = server.ready()
            page = server.get("/").status
            filler.unlink()
            probe_after, post_after = server.ready(), server.post(example()).status
            lost, twice = load.compared(stored_rows(server))
    odd = sorted(set(load.statuses) - {201, 503})
    return result(
        fault,
        f"posts {dict(load.statuses)}, ready {probe}, form {page}; with room: ready {probe_after}, post {post_after}; "
        f"{len(load.acknowledged)} acknowledged, {lost} lost, {twice} twice",
        refused_by_503=refused and not odd,
        probe_is_honest=probe == 503 and probe_after == 200,
        form_is_shown=page == 200,
        recovers=post_after == 201,
        nothing_is_lost=lost == twice == 0,
    )


def _fill(filler: Path) -> None:
    descriptor = os.open(filler, os.O_WRONLY | os.O_CREAT)
    for size in (2**20, 2**12):
        with suppress(OSError):
            while True:
                os.write(descriptor, b"\0" * size)
    os.close(descriptor)


@contextmanager
def _unwritable(file: Path) -> Iterator[None]:
    """Let nobody open a file for writing; root may write whatever the mode says, but not what is immutable."""
    is_root = os.geteuid() == 0
    if is_root:
        subprocess.run(["chattr", "+i", str(file)], check=True, capture_output=True)
    else:
        file.chmod(0o400)
    try:
        yield
    finally:
        if is_root:
            subprocess.run(["chattr", "-i", str(file)], check=True, capture_output=True)
        else:
            file.chmod(0o600)


def read_only(folder: Path) -> Result:
    """Start the server on a file that is read-only, and make it writable again."""
    with serving(folder / "readonly", start=False) as server:
        with _unwritable(server.file):
            server.start(wait_s=0)
            probe, page = server.ready(), server.get("/").status
            posts = Counter(server.post(example()).status for _ in range(8))
        probe_after = server.ready()
        after = Counter(server.post(example()).status for _ in range(16))
    return result(
        "read-only and back",
        f"ready {probe}, posts {dict(posts)}, form {page}; writable again: ready {probe_after}, posts {dict(after)}",
        refused_by_503=set(posts) == {503},
        probe_is_honest=probe == 503 and probe_after == 200,
        form_is_shown=page == 200,
        recovers_without_a_restart=set(after) == {201},
    )


def deleted_database(folder: Path) -> Result:
    """Delete the file of the database, and put a copy back while the server runs."""
    with serving(folder / "deleted") as server:
        for _ in range(8):
            server.post(example())
        copy = folder / "copy.sqlite3"
        done = server.manage("backup", str(copy))
        server.file.unlink()
        posts = Counter(server.post(example()).status for _ in range(8))
        probe, page = server.ready(), server.get("/").status
        made = server.file.exists()
        for suffix in ("-wal", "-shm"):
            server.file.with_name(server.file.name + suffix).unlink(missing_ok=True)
        shutil.copy(copy, folder / "deleted" / "part")
        (folder / "deleted" / "part").rename(server.file)
        probe_after, after = server.ready(), Counter(server.post(example()).status for _ in range(16))
        rows = len(stored_rows(server))
    return result(
        "deleted database, and a copy put back",
        f"posts {dict(posts)}, ready {probe}, form {page}; copy back: ready {probe_after}, posts {dict(after)}, {rows} rows",
        backup_works=done.returncode == 0,
        refused_by_503=set(posts) == {503},
        probe_is_honest=probe == 503 and probe_after == 200,
        form_is_shown=page == 200,
        no_empty_file_is_made=not made,
        recovers_without_a_restart=set(after) == {201} and rows == 24,
    )


def locked_database(folder: Path, writers: int = 8, patience_s: int = PATIENCE_S) -> Result:
    """Hold the write lock longer than a writer waits, with several writers at once."""
    # More threads than writers, so that the probe finds one.
    with serving(folder / "locked", WEB_THREADS="16") as server, closing(sqlite3.connect(server.file, timeout=5)) as other:
        server.post(example())
        other.isolation_level = None
        other.execute("BEGIN IMMEDIATE")
        with ThreadPoolExecutor(writers) as pool:
            answers = [pool.submit(server.post, example()) for _ in range(writers)]
            time.sleep(1)
            probe = server.get(READY)
            slowest_s = max(answer.result().seconds for answer in answers)
        other.execute("ROLLBACK")
        statuses = Counter(answer.result().status for answer in answers)
        probe_after, after = server.ready(), server.post(example())
    return result(
        f"database locked by another process, {writers} writers",
        f"posts {dict(statuses)}, the slowest after {slowest_s:.1f} s; ready {probe.status} after {probe.seconds:.1f} s; "
        f"unlocked: ready {probe_after}, post {after.status}",
        refused_by_503=set(statuses) == {503},
        one_deadline_for_all=slowest_s < patience_s + 3,
        probe_is_honest=probe.status == 503 and probe.seconds < 5 and probe_after == 200,
        recovers=after.status == 201,
    )


def backup_and_restore(folder: Path) -> Result:
    """Back up under load, restore into the stopped server next to an old log, and count."""
    copies = [folder / f"backup-{number}.sqlite3" for number in (1, 2)]
    with serving(folder / "restored") as server:
        with Load(server) as load:
            time.sleep(_LOAD_S / 2)
            started_at = time.monotonic()
            done = server.manage("backup", str(copies[0]))
            backup_s = time.monotonic() - started_at
            before = dict(load.acknowledged)
            time.sleep(_LOAD_S / 2)
            refused = server.manage("restore", str(copies[0]))
        server.kill()  # leaves its log behind
        restored = server.manage("restore", str(copies[0]))
        held = len(stored_rows(server))
        server.start()
        after = server.post(example()).status
        [kept] = server.folder.glob("*.before-restore-*")
        lost, twice = load.compared(stored_rows(server, DATABASE_URL=f"sqlite:///{kept}"))
        check = integrity(server)
    return result(
        "backup under load, restore after kill -9",
        f"backup of {held} rows in {backup_s:.1f} s under load ({load.statuses[201]} posts, others {_others(load)}); "
        f"restored: integrity {check}, post {after}; replaced file: {lost} lost, {twice} twice",
        backup_works=done.returncode == 0 and held > 0,
        restore_refuses_a_running_server=refused.returncode == 1 and "server" in refused.stderr,
        restore_works=restored.returncode == 0 and check == "ok" and after == 201,
        backup_holds_what_was_there=held <= len(before) + 16,
        replaced_file_is_kept=lost == twice == 0,
        load_goes_on=not _others(load),
    )


def _others(load: Load) -> dict[int, int]:
    return {status: count for status, count in load.statuses.items() if status != 201}


def integrity(server: Server) -> str:
    """Return what SQLite says about the database: ok, or the first damage."""
    with closing(sqlite3.connect(server.file)) as connection:
        return str(connection.execute("PRAGMA integrity_check").fetchone()[0])
