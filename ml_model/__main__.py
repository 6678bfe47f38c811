"""Command line of the model: ``python -m ml_model train | promote | verify | score``."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from ml_model.errors import ModelError, ReleaseError
from ml_model.releases import TRAINED, promote, read_releases


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; return 0 when it did what was asked, 1 when it refused, after one line that says why."""
    parsed = _parser().parse_args(arguments)
    try:
        return int(parsed.run(parsed))
    except ModelError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m ml_model", description="Train, release and use the model of model.toml.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    trains = commands.add_parser("train", help="train the model of model.toml and write a release bundle")
    trains.add_argument("--version", default="1.0.0", help="version of the release, MAJOR.MINOR.PATCH (default: %(default)s)")
    trains.set_defaults(run=_train)
    promotes = commands.add_parser("promote", help="verify a release and make it the live one")
    promotes.add_argument("version")
    promotes.set_defaults(run=_promote)
    verifies = commands.add_parser("verify", help="verify every listed release: digests, library versions, golden records")
    verifies.set_defaults(run=_verify)
    scores = commands.add_parser("score", help="score a CSV file of raw columns; further columns are carried through")
    scores.add_argument("input", type=Path, metavar="IN.csv")
    scores.add_argument("output", type=Path, metavar="OUT.csv")
    scores.add_argument("--release", help="version to score with (default: the live one)")
    scores.set_defaults(run=_score)
    return parser


def _train(parsed: argparse.Namespace) -> int:
    from ml_model.metrics import METRICS
    from ml_model.training import train  # needs the libraries of the extra "train"

    manifest = train(parsed.version, report=lambda line: print(line, flush=True))
    for name, metric in manifest.metrics.items():
        print(f"{METRICS[name].words}: {metric.value:.4g} (95 % interval {metric.low:.4g} to {metric.high:.4g})")
    print(f"written to {TRAINED / manifest.version}; live is {read_releases().live}")
    return 0


def _promote(parsed: argparse.Namespace) -> int:
    from ml_model.scoring import load_scorer

    load_scorer(parsed.version)
    promote(parsed.version)
    print(f"{parsed.version} is live from the next start")
    return 0


def _verify(_: argparse.Namespace) -> int:
    from ml_model.scoring import load_scorer

    releases = read_releases()
    if not releases.manifests:
        raise ReleaseError("there is no release to verify; run 'python -m ml_model train'")
    for version in releases.manifests:
        load_scorer(version)
        print(f"{version}: verified{' (live)' if version == releases.live else ''}")
    return 0


def _score(parsed: argparse.Namespace) -> int:
    from ml_model.files import score_file
    from ml_model.scoring import load_scorer

    rows, refused = score_file(load_scorer(parsed.release), parsed.input, parsed.output)
    print(f"{rows - refused} of {rows} rows scored, written to {parsed.output}")
    if refused:
        print(f"error: {refused} row(s) refused; the column 'error' says why", file=sys.stderr)
    return 1 if refused else 0


if __name__ == "__main__":
    sys.exit(main())
