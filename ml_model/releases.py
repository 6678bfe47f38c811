"""``trained/releases.toml``: which releases there are, by the digest of their manifests, which one is live, and why.

The file is read and reviewed by people: a promotion changes the line ``live`` and adds one entry at the end of the history.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import getpass
import json
import os
import subprocess
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Literal, NamedTuple

from pydantic import BaseModel, ConfigDict

from ml_model.errors import ReleaseError, in_one_line, nearest
from ml_model.output_files import replace_file
from ml_model.texts import toml_text
from ml_model.versions import parse

TRAINED = Path(__file__).parent / "trained"
"""The folder of the releases that this package ships."""
FILE = "releases.toml"
OVERRIDE = "INHOUSE_LIVE"
"""Environment variable that says which release is live, whatever the file says."""
_LONGEST_TEXT = 1000
Action = Literal["train", "promote", "rollback"]


class _Table(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class Entry(_Table):
    """``[[history]]``: one act that changed the file."""

    at: str
    """UTC, ISO 8601."""
    who: str
    """Name of the user in git, or on the machine."""
    action: Action
    version: str
    """The release that was listed, or that went live."""
    previous: str
    """The release that was live before; empty where there was none."""
    reason: str = ""
    gates: str = ""
    """SHA-256 of the results of the gates; empty where none were run."""
    overridden: bool = False
    """Whether a failed gate was overridden, for the reason that is given."""


class Releases(_Table):
    """The content of ``releases.toml``."""

    live: str
    """Version that answers; empty where there is none yet."""
    manifests: dict[str, str]
    """Version to the SHA-256 of its manifest."""
    history: list[Entry] = []
    """Oldest first."""

    def manifest_of(self, version: str) -> str:
        """Return the digest of the manifest of a listed version; raise ReleaseError for another."""
        if version not in self.manifests:
            raise ReleaseError(f"release '{version}' is not listed in {FILE}.{nearest(version, self.manifests)}")
        return self.manifests[version]


class Live(NamedTuple):
    """The release that answers, and what says so."""

    version: str
    """Empty where there is none yet."""
    source: str
    """``releases.toml`` or ``INHOUSE_LIVE``."""


def read_releases(trained: Path = TRAINED) -> Releases:
    """Read ``releases.toml``; raise ReleaseError where it is wrong. Where it is missing there is no release."""
    try:
        text = toml_text((trained / FILE).read_bytes())
    except (FileNotFoundError, NotADirectoryError):
        return Releases(live="", manifests={})
    except (OSError, ValueError) as error:
        raise ReleaseError(f"{FILE} cannot be read: {in_one_line(error)}") from error
    return _parsed(text)


def live_version(releases: Releases) -> Live:
    """Return which release answers: the one that INHOUSE_LIVE names, or else the one of the file.

    Raises ReleaseError where INHOUSE_LIVE is no version or is not listed.
    """
    wanted = os.environ.get(OVERRIDE, "").strip()
    if not wanted:
        return Live(releases.live, FILE)
    try:
        parse(wanted)
        releases.manifest_of(wanted)
    except ReleaseError as error:
        raise ReleaseError(f"environment variable {OVERRIDE}: {error}") from error
    return Live(wanted, OVERRIDE)


def live_before(releases: Releases) -> str:
    """Return the release that was live before the one that is live now; raise ReleaseError where there was none.

    A second rollback goes further back, not forward again to the release that was left.
    """
    lives: list[str] = []
    for entry in releases.history:
        if entry.action == "rollback":
            lives = _back_to(lives, entry.version)
        elif entry.action == "promote" or not entry.previous:
            lives += [version for version in (entry.previous, entry.version) if version and version not in lives[-1:]]
    lives = _back_to(lives, releases.live)
    if len(lives) < 2:
        raise ReleaseError(f"the history of {FILE} knows no release that was live before '{releases.live}'; promote one by name")
    return lives[-2]


def _back_to(lives: list[str], version: str) -> list[str]:
    """The releases that were live up to the last time that ``version`` was; a change by hand is taken as a promotion."""
    while lives and version in lives and lives[-1] != version:
        lives = lives[:-1]
    return lives if version in lives else [*lives, version]


def add_release(
    version: str,
    manifest_sha256: str,
    trained: Path = TRAINED,
    *,
    reason: str = "",
    gates: str = "",
    overridden: bool = False,
) -> None:
    """List a new release; the first one of all goes live, a later one waits until it is promoted.

    Raises ReleaseError where the version, or one that differs from it in its build parts alone, is listed already.
    """
    wanted = parse(version)

    def add(before: Releases) -> Releases:
        for listed in before.manifests:
            if parse(listed) == wanted:
                raise ReleaseError(f"release {listed} exists already; a release is never trained twice, choose another version")
        entry = _entry("train", version, before.live, trained, reason=reason, gates=gates, overridden=overridden)
        manifests = {**before.manifests, version: manifest_sha256}
        return Releases(live=before.live or version, manifests=manifests, history=[*before.history, entry])

    _change(trained, add)


def set_live(
    action: Action,
    version: str,
    trained: Path = TRAINED,
    *,
    previous: str,
    reason: str = "",
    gates: str = "",
    overridden: bool = False,
) -> None:
    """Make a listed release the live one.

    Raises ReleaseError where it is not listed, is live already, or where not ``previous`` is live any more, which whatever was
    verified or compared before rests on.
    """

    def promote(before: Releases) -> Releases:
        before.manifest_of(version)
        if before.live != previous:
            raise ReleaseError(f"'{before.live}' went live meanwhile in the place of '{previous}'; run the command again")
        if before.live == version:
            raise ReleaseError(f"release {version} is live already; there is nothing to do")
        entry = _entry(action, version, previous, trained, reason=reason, gates=gates, overridden=overridden)
        return before.model_copy(update={"live": version, "history": [*before.history, entry]})

    _change(trained, promote)


def check_version(version: str) -> str:
    """Return ``version`` where it is one; raise ReleaseError for anything else."""
    parse(version)
    return version


def check_text(name: str, text: str) -> str:
    """Return a reason or a name on one line; raise ReleaseError where it is no UTF-8 text or too long for the history."""
    line = " ".join(text.split())
    try:
        line.encode()
    except UnicodeEncodeError as error:
        raise ReleaseError(f"the {name} is not UTF-8 text; write it again") from error
    if len(line) > _LONGEST_TEXT:
        raise ReleaseError(f"the {name} has {len(line)} characters; write at most {_LONGEST_TEXT}")
    return line


def _entry(action: Action, version: str, previous: str, trained: Path, *, reason: str, gates: str, overridden: bool) -> Entry:
    return Entry(
        at=dt.datetime.now(dt.UTC).isoformat(timespec="seconds"),
        who=check_text("name of the user", _who(trained)),
        action=action,
        version=version,
        previous=previous,
        reason=check_text("reason", reason),
        gates=gates,
        overridden=overridden,
    )


def _who(folder: Path) -> str:
    with contextlib.suppress(OSError, UnicodeDecodeError):
        done = subprocess.run(["git", "config", "user.name"], cwd=folder, capture_output=True, text=True, check=False)
        if done.stdout.strip():
            return done.stdout
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "unknown"


def _change(trained: Path, change: Callable[[Releases], Releases]) -> None:
    """Read, change and write the file while no other process does; raise ReleaseError where that cannot be done."""
    try:
        trained.mkdir(parents=True, exist_ok=True)
        with _locked(trained):
            before = read_releases(trained)
            _write(trained, before, change(before))
    except OSError as error:
        raise ReleaseError(f"{FILE} cannot be written: {error.strerror} ({error.filename or trained})") from error


@contextlib.contextmanager
def _locked(folder: Path) -> Iterator[None]:
    import fcntl  # only where releases are made, which is not on Windows

    # The folder itself, since the file is replaced by each write; the lock ends with the process, however it ends.
    handle = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def _write(trained: Path, before: Releases, after: Releases) -> None:
    if after.history[: len(before.history)] != before.history or not before.manifests.items() <= after.manifests.items():
        raise ReleaseError(f"{FILE} is only ever added to; an entry of its history or a listed release would be lost")
    text = _text(after)
    if _parsed(text) != after:
        raise ReleaseError(f"{FILE} would not be read as it was written; nothing was changed")
    replace_file(trained / FILE, text.encode())


def _parsed(text: str) -> Releases:
    try:
        releases = Releases.model_validate(tomllib.loads(text))
    except ValueError as error:
        raise ReleaseError(f"{FILE} cannot be read: {in_one_line(error)}") from error
    for version in releases.manifests:
        parse(version)
    if releases.live:
        releases.manifest_of(releases.live)
    return releases


def _text(releases: Releases) -> str:
    lines = [
        "# Which release answers. A release is a reviewed change of the line below; 'python -m ml_model rollback' goes back.",
        f"live = {_value(releases.live)}",
        "",
        "[manifests]",
        *(f"{_value(version)} = {_value(digest)}" for version, digest in releases.manifests.items()),
    ]
    for entry in releases.history:
        lines += ["", "[[history]]", *(f"{key} = {_value(value)}" for key, value in entry.model_dump().items())]
    return "\n".join([*lines, ""])


def _value(value: str | bool) -> str:
    # A string of JSON is one of TOML but for this character, which TOML wants escaped.
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
