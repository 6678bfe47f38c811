"""The commands that study releases and change none: ``compare`` and ``evaluate``."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ml_model.output_files import write_output
from ml_model.releases import TRAINED

if TYPE_CHECKING:
    from ml_model.comparison import Comparison

    Commands = argparse._SubParsersAction[argparse.ArgumentParser]  # noqa: SLF001  # its only name

DATA = Path(__file__).parent
"""The folder that the data files of specs lie relative to."""


def add_study_commands(commands: Commands) -> None:
    """Add the commands to the command line."""
    compares = commands.add_parser("compare", help="compare the answers of two releases; 1 where too many rows moved")
    compares.add_argument("before", metavar="A")
    compares.add_argument("after", metavar="B")
    compares.add_argument("--on", type=Path, metavar="data.csv", help="rows to compare on (default: the fixed test rows)")
    compares.add_argument("--out", type=Path, metavar="report.html", help="write the report there")
    compares.add_argument(
        "--tolerance", type=_share, default=0.02, help="largest share of rows that may have moved (default: %(default)s)"
    )
    compares.add_argument(
        "--moved", type=_positive, default=0.05, help="difference from which on a row has moved (default: %(default)s)"
    )
    compares.set_defaults(run=_compare)
    evaluates = commands.add_parser("evaluate", help="compute every number of a model card again; 1 where one is another")
    evaluates.add_argument("version")
    evaluates.set_defaults(run=_evaluate)


def _compare(parsed: argparse.Namespace) -> int:
    from ml_model.comparison import compare
    from ml_model.csv_files import read_table
    from ml_model.report import render_report, verdict
    from ml_model.scoring import load_scorer

    before, after = (load_scorer(version, TRAINED) for version in (parsed.before, parsed.after))
    path = parsed.on or DATA / after.spec.data.file
    found = compare(before, after, read_table(path), limit=parsed.moved, test_only=parsed.on is None)
    if parsed.out:
        source = path.name if parsed.on else f"the fixed test set of {path.name}"
        write_output(parsed.out, render_report(found, tolerance=parsed.tolerance, source=source).encode(), source=path)
    _say(found)
    print(verdict(found, parsed.tolerance))
    if parsed.out:
        print(f"report written to {parsed.out}")
    return 0 if found.moved_share <= parsed.tolerance else 1


def _say(found: Comparison) -> None:
    middle, large, largest = np.percentile(np.abs(found.moves), [50, 95, 100])
    print(f"{found.scorers[0].version} and {found.scorers[1].version} on {found.rows} rows, {found.left_out} left out")
    print(f"differences: median {middle:.4g}, 95 % at most {large:.4g}, largest {largest:.4g}")
    print(f"loss ({found.metric}): {found.loss or 'the true values are not known'}")
    for one in found.most[:3]:
        print(f"line {one.line} moved by {one.move:+.4g}: {', '.join(reason.field for reason in one.reasons[:3])}")
    print(f"{len(found.changes)} thing(s) changed in contract, data, libraries or code")


def _evaluate(parsed: argparse.Namespace) -> int:
    from ml_model.recomputation import evaluate

    found = evaluate(parsed.version, trained=TRAINED, folder=DATA)
    print("\n".join(found.lines))
    for line in found.differences:
        print(line, file=sys.stderr)
    if found.differences:
        print(f"error: {len(found.differences)} number(s) of release {parsed.version} do not come out again", file=sys.stderr)
        return 1
    print(f"every recorded number of release {parsed.version} comes out again")
    return 0


def _share(text: str) -> float:
    share = float(text)
    if not 0 <= share <= 1:
        raise argparse.ArgumentTypeError(f"{text} is not a share from 0 to 1")
    return share


def _positive(text: str) -> float:
    number = float(text)
    if not 0 < number < float("inf"):
        raise argparse.ArgumentTypeError(f"{text} is not a number above 0")
    return number
