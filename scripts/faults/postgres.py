"""A PostgreSQL cluster of its own, which is thrown away."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
from pathlib import Path
from typing import Self


class Cluster:
    """A running cluster in a folder; ``url`` is empty if PostgreSQL is not installed."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        binaries = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: int(path.parent.name))
        found = shutil.which("initdb")
        self._binaries = binaries[-1] if binaries else Path(found).parent if found else None
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self._port = free.getsockname()[1]
        self.url = ""

    def __enter__(self) -> Self:
        if self._binaries is None:
            return self
        self._folder.mkdir(parents=True)
        if os.geteuid() == 0:  # PostgreSQL refuses to run as root
            shutil.chown(self._folder, "postgres")
            for parent in self._folder.parents:
                if parent.stat().st_uid == 0 and not parent.stat().st_mode & 0o001:
                    parent.chmod(parent.stat().st_mode | 0o011)
        self._run("initdb", "-D", "data", "--auth=trust", "--encoding=UTF8", "--locale=C.UTF-8", "--username=postgres")
        self.start()
        self.url = f"postgres://postgres@127.0.0.1:{self._port}/postgres"
        return self

    def __exit__(self, *_: object) -> None:
        if self.url:
            self.stop("immediate")

    def start(self) -> None:
        """Start the cluster and wait until it answers."""
        options = f"-c listen_addresses=127.0.0.1 -c port={self._port} -c unix_socket_directories={self._folder}"
        self._run("pg_ctl", "-D", "data", "-w", "-l", "log", "-o", options, "start")

    def stop(self, mode: str = "fast") -> None:
        """Stop the cluster; ``fast`` ends all connections."""
        self._run("pg_ctl", "-D", "data", "-w", "-m", mode, "stop")

    def _run(self, program: str, *words: str) -> None:
        assert self._binaries is not None  # noqa: S101  # for the type
        as_postgres = ("runuser", "-u", "postgres", "--") if os.geteuid() == 0 else ()
        command = [*as_postgres, str(self._binaries / program), *words]
        subprocess.run(command, cwd=self._folder, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=60)
