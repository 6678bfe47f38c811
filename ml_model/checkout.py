"""What git knows for certain about files: a commit is named only if it holds them."""

from __future__ import annotations

import hashlib
import os
import subprocess
from collections.abc import Iterable, Mapping
from pathlib import Path


def git(folder: Path, *words: str) -> bytes | None:
    """Return what git prints about the repository around a folder; None if there is no git, no repository or no such object."""
    # Inside of a hook, for example, these name another repository.
    environment = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    try:
        return subprocess.run(["git", *words], cwd=folder, env=environment, capture_output=True, check=True).stdout
    except (OSError, subprocess.CalledProcessError):
        return None


def head(folder: Path) -> str | None:
    """Return the commit that is checked out around a folder."""
    found = git(folder, "rev-parse", "--verify", "HEAD^{commit}")
    return found.decode().strip() if found else None


def read(paths: Iterable[Path]) -> dict[Path, bytes]:
    """Return the content of files."""
    return {path: path.read_bytes() for path in paths}


def changed(files: Mapping[Path, bytes], commit: str) -> list[str] | None:
    """Return the names of the files that a commit does not hold byte for byte, whatever git calls clean.

    All of them lie in one repository. None if that does not have the commit, or the commit holds none of them: a repository
    that merely lies around the files says nothing about them.
    """
    folder = next(iter(files)).parent
    top, tree = git(folder, "rev-parse", "--show-toplevel"), git(folder, "ls-tree", "-r", "-z", "--full-tree", commit)
    if top is None or tree is None:
        return None
    lines = (line.partition(b"\t") for line in tree.split(b"\0") if line)
    blobs = {os.fsdecode(name): facts.split()[2].decode() for facts, _, name in lines}
    root = Path(os.fsdecode(top.rstrip(b"\n")))
    names = {Path(os.path.relpath(path.resolve(), root)).as_posix(): content for path, content in files.items()}
    if not names.keys() & blobs.keys():
        return None
    return [name for name, content in names.items() if blobs.get(name) != _blob(content, blobs)]


def _blob(content: bytes, blobs: Mapping[str, str]) -> str:
    """The id that git gives to a content, in the algorithm of the repository; line ends are not converted."""
    algorithm = "sha1" if len(next(iter(blobs.values()))) == 40 else "sha256"
    return hashlib.new(algorithm, b"blob %d\0%b" % (len(content), content), usedforsecurity=False).hexdigest()
