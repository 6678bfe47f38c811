"""``python -m scripts.faults``: try every fault on the real server, print a table and write ``docs/reliability.md``."""

from __future__ import annotations

import argparse
import datetime as dt
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from scripts.faults import crashes, guesses, storage
from scripts.faults.report import Result
from scripts.faults.server import ROOT
from scripts.faults.slow_clients import slow_clients

FAULTS: tuple[Callable[[Path], Result], ...] = (
    crashes.kill_on_sqlite,
    crashes.kill_on_postgresql,
    crashes.postgresql_restart,
    storage.full_disk,
    storage.read_only,
    storage.deleted_database,
    storage.locked_database,
    storage.backup_and_restore,
    slow_clients,
    guesses.guessing,
)
PAGE = ROOT / "docs" / "reliability.md"
_COMMAND = "make faults"
_START, _END = "<!-- figures of make faults -->", "<!-- end of the figures -->"


def main() -> int:
    """Return 1 if a promise is broken."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", help="faults to try, without writing the page; all of them unless given")
    names = parser.parse_args().names
    known = {fault.__name__: fault for fault in FAULTS}
    if unknown := set(names) - set(known):
        parser.error(f"there is no fault {', '.join(sorted(unknown))}; there are {', '.join(known)}")
    results = [_tried(fault) for fault in (known[name] for name in names or known)]
    if not names:
        PAGE.write_text(page_of(results, PAGE.read_text("utf-8")), "utf-8")
    return 0 if all(result.holds for result in results) else 1


def _tried(fault: Callable[[Path], Result]) -> Result:
    started_at = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="faults-") as folder:
        try:
            found = fault(Path(folder))
        except Exception as error:  # the other faults are tried all the same
            found = Result(fault=fault.__name__, figure=f"the script failed: {error!r}", holds=False)
    found = replace(found, seconds=time.monotonic() - started_at)
    sys.stdout.write(f"{'ok    ' if found.holds else 'BROKEN'} {found.fault} ({found.seconds:.0f} s)\n       {found.figure}\n")
    sys.stdout.flush()
    return found


def page_of(results: list[Result], page: str) -> str:
    """Return the page of the documentation with these figures in the place of the earlier ones."""
    rows = "\n".join(f"| {found.fault} | {found.figure} | {'yes' if found.holds else '**no**'} |" for found in results)
    date = dt.datetime.now(dt.UTC).date()
    table = f"Tried on {date} by `{_COMMAND}`:\n\n| fault | what came of it | as promised |\n|---|---|---|\n{rows}\n"
    before, start, rest = page.partition(_START)
    _, end, after = rest.partition(_END)
    return f"{before}{start}\n{table}{end}{after}"


if __name__ == "__main__":
    sys.exit(main())
