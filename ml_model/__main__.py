"""Command line of the model: ``python -m ml_model --help`` lists its commands."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from ml_model.errors import BundleRefused, GatesFailed, ModelError, ReleaseError
from ml_model.release_commands import add_release_commands
from ml_model.releases import TRAINED, check_text, read_releases
from ml_model.study_commands import add_study_commands
from ml_model.versions import following, parse

_FOR_TRAINING = frozenset({"crepes", "onnx"})
"""Packages of the extra "train", by which nothing is served."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; return 0 when it did what was asked, 1 when it refused, after one line that says why."""
    parsed = _parser().parse_args(arguments)
    # Fitting gives the same bits by any number of threads, and where another process has a core, many times slower by two.
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    try:
        return int(parsed.run(parsed))
    except GatesFailed as error:
        for line in error.failed:
            print(f"gate {line}", file=sys.stderr)
        print(f"error: {error}", file=sys.stderr)
    except ModelError as error:
        print(f"error: {error}", file=sys.stderr)
    except ModuleNotFoundError as error:
        if error.name not in _FOR_TRAINING:
            raise
        install = "run 'make setup' in a checkout, or install 'inhouse-model[train]'"
        print(f"error: this command needs the package '{error.name}', which is not installed; {install}", file=sys.stderr)
    return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m ml_model", description="Train, release and use the model of model.toml.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    trains = commands.add_parser("train", help="train the model of model.toml and write a release bundle")
    named = trains.add_mutually_exclusive_group()
    named.add_argument("--version", help="version of the release, for example 1.2.0 or 1.2.0-rc.1")
    named.add_argument(
        "--bump", choices=("patch", "minor", "major"), default="patch", help="part to raise (default: %(default)s)"
    )
    trains.add_argument("--prerelease", default="", metavar="rc.1", help="make it a prerelease of that version")
    trains.add_argument("--override", default="", metavar="REASON", help="list it even though gates fail; goes into the history")
    trains.add_argument("--keep", type=Path, metavar="FOLDER", help="write a refused bundle there, for study")
    trains.set_defaults(run=_train)
    add_release_commands(commands)
    add_study_commands(commands)
    verifies = commands.add_parser(
        "verify", help="verify every listed release: digests, library versions, golden records, compiled forms"
    )
    verifies.add_argument("--gates", action="store_true", help="run the gates of each release again as well")
    verifies.set_defaults(run=_verify)
    reproduces = commands.add_parser("reproduce", help="train a release again from its recorded inputs and compare every answer")
    reproduces.add_argument("version")
    reproduces.add_argument("--data", type=Path, metavar="FILE", help="data file to use (default: the recorded one)")
    reproduces.add_argument("--spec", type=Path, metavar="FILE", help="model.toml that must say what the recorded one says")
    reproduces.set_defaults(run=_reproduce)
    scores = commands.add_parser("score", help="score a CSV file of raw columns; further columns are carried through")
    scores.add_argument("input", type=Path, metavar="IN.csv")
    scores.add_argument("output", type=Path, metavar="OUT.csv")
    scores.add_argument("--release", help="version to score with (default: the live one)")
    scores.set_defaults(run=_score)
    return parser


def _train(parsed: argparse.Namespace) -> int:
    from ml_model.metrics import METRICS
    from ml_model.training import train  # needs the libraries of the extra "train"

    version = parse(parsed.version) if parsed.version else following(read_releases().manifests, parsed.bump)
    if parsed.prerelease:
        version = version.with_prerelease(parsed.prerelease)
    manifest = train(
        str(version),
        report=lambda line: print(line, flush=True),
        override=check_text("reason", parsed.override),
        keep=parsed.keep,
    )
    for gate in manifest.gates:
        print(f"gate {gate.name}: {'passed' if gate.passed else 'FAILED, overridden'}: {gate.detail}")
    for name, metric in manifest.metrics.items():
        print(f"{METRICS[name].words}: {metric.value:.4g} (95 % interval {metric.low:.4g} to {metric.high:.4g})")
    print(f"written to {TRAINED / manifest.version}; live is {read_releases().live}")
    return 0


def _verify(parsed: argparse.Namespace) -> int:
    from ml_model.parity import prove_release
    from ml_model.scoring import load_scorer

    releases = read_releases()
    if not releases.manifests:
        raise ReleaseError("there is no release to verify; run 'python -m ml_model train'")
    refused = 0
    for version in releases.manifests:
        try:
            load_scorer(version)
            parity = prove_release(version, TRAINED)
        except BundleRefused as error:
            refused += 1
            print(f"error: {error}", file=sys.stderr)
            continue
        proved = f", compiled form proved on {parity.rows:,} rows" if parity else ""
        gates = _passed_gates(version) if parsed.gates else ""
        print(f"{version}: verified{proved}{gates}{' (live)' if version == releases.live else ''}")
    return 1 if refused else 0


def _passed_gates(version: str) -> str:
    from ml_model.promotion import judge

    gates = judge(version)
    failed = [f"{gate.name}: {gate.detail} (must be: {gate.limit})" for gate in gates if not gate.passed]
    if failed:
        raise GatesFailed(version, failed)
    return f", {len(gates)} gates passed"


def _reproduce(parsed: argparse.Namespace) -> int:
    from ml_model.reproduction import reproduce  # needs the libraries of the extra "train"

    print(reproduce(parsed.version, data=parsed.data, spec_path=parsed.spec, report=lambda line: print(line, flush=True)))
    return 0


def _score(parsed: argparse.Namespace) -> int:
    from ml_model.files import score_file
    from ml_model.scoring import load_scorer

    rows, refused = score_file(load_scorer(parsed.release), parsed.input, parsed.output, report=print)
    print(f"{rows - refused} of {rows} rows scored, written to {parsed.output}")
    if refused:
        print(f"error: {refused} row(s) refused; the column 'error' says why", file=sys.stderr)
    return 1 if refused else 0


if __name__ == "__main__":
    sys.exit(main())
