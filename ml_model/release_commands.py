"""The commands about releases: ``promote``, ``rollback``, ``list`` and ``show``."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from typing import Any

from ml_model.artifacts import Manifest, Metric, read_manifest
from ml_model.errors import ReleaseError
from ml_model.metrics import METRICS
from ml_model.releases import FILE, OVERRIDE, TRAINED, Entry, Live, live_version, read_releases
from ml_model.versions import parse


def add_release_commands(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the commands to the command line."""
    promotes = commands.add_parser("promote", help="run the gates of a release against the live one and make it the live one")
    promotes.add_argument("version")
    promotes.add_argument("--reason", default="", help="why, for the history")
    promotes.add_argument("--override", metavar="REASON", help="promote it though gates refuse it; the reason is recorded")
    promotes.set_defaults(run=_promote)
    rolls_back = commands.add_parser("rollback", help="make the release live again that was live before")
    rolls_back.add_argument("--reason", default="", help="why, for the history")
    rolls_back.set_defaults(run=_roll_back)
    commands.add_parser("list", help="list every release and say which one is live").set_defaults(run=_list)
    shows = commands.add_parser("show", help="show where a release comes from, how good it is, its gates and its history")
    shows.add_argument("version")
    shows.set_defaults(run=_show)


def _promote(parsed: argparse.Namespace) -> int:
    from ml_model.promotion import promote

    if parsed.override is not None and not parsed.override.strip():
        raise ReleaseError('an override needs its reason: --override "why it goes live all the same"')
    done = promote(parsed.version, TRAINED, reason=parsed.reason, override=parsed.override or "")
    for gate in done.overridden:
        print(f"overridden: {gate.name}: {gate.detail}")
    print(f"{len(done.gates) - len(done.overridden)} of {len(done.gates)} gates passed")
    _say_what_is_live(done.version, done.previous)
    return 0


def _roll_back(parsed: argparse.Namespace) -> int:
    from ml_model.promotion import roll_back

    done = roll_back(TRAINED, reason=parsed.reason)
    _say_what_is_live(done.version, done.previous)
    return 0


def _say_what_is_live(version: str, previous: str) -> None:
    print(f"{version} is live from the next start, in the place of {previous or 'none'}")
    live = live_version(read_releases(TRAINED))
    if live.source == OVERRIDE:
        print(f"but {OVERRIDE} is set here, and keeps {live.version} live until it is unset")


def _list(_: argparse.Namespace) -> int:
    releases = read_releases(TRAINED)
    if not releases.manifests:
        raise ReleaseError("there is no release to list; run 'python -m ml_model train'")
    live = live_version(releases)
    for version in sorted(releases.manifests, key=parse):
        last = next((entry for entry in reversed(releases.history) if entry.version == version), None)
        print("  ".join(filter(None, [version, _in_words(last) if last else "", _state(version, live, releases.live)])))
    return 0


def _state(version: str, live: Live, listed: str) -> str:
    if version == live.version:
        return f"live by {live.source}"
    return f"live in {FILE}, which {OVERRIDE} overrides" if version == listed else ""


def _show(parsed: argparse.Namespace) -> int:
    releases = read_releases(TRAINED)
    listed = releases.manifest_of(parsed.version)
    manifest = read_manifest(TRAINED / parsed.version, listed)
    print(f"{manifest.model} {parsed.version}  {_state(parsed.version, live_version(releases), releases.live)}".rstrip())
    sections = {
        "provenance": _provenance(manifest, listed),
        "metrics on the fixed test set": map(_metric, manifest.metrics, manifest.metrics.values()),
        "slices": (
            f"{name} ({part.rows} rows): {', '.join(map(_metric, part.metrics, part.metrics.values()))}"
            for name, part in manifest.slices.items()
        ),
        f"gates{f', compared with {manifest.compared_with}' if manifest.compared_with else ''}": (
            f"{'passed' if gate.passed else 'FAILED'}  {gate.name}: {gate.detail} (must be: {gate.limit})"
            for gate in manifest.gates
        ),
        "history": (_in_words(entry) for entry in releases.history if parsed.version in {entry.version, entry.previous}),
    }
    for title, lines in sections.items():
        print("\n".join(["", title, *(f"  {line}" for line in list(lines) or ["none recorded"])]))
    return 0


def _provenance(manifest: Manifest, listed: str) -> Iterator[str]:
    data, code = manifest.data, manifest.code
    yield f"manifest sha256 {listed}"
    yield f"trained at {manifest.trained_at} in {manifest.duration_s:g} s, seed {manifest.seed}"
    yield f"data {data.file}, sha256 {data.sha256}, {data.train_rows} rows to learn from, {data.test_rows} held out"
    yield f"spec sha256 {manifest.spec_sha256}"
    yield f"commit {code}"
    yield f"Python {manifest.python} on {manifest.machine}; {', '.join(map(' '.join, manifest.libraries.items()))}"


def _metric(name: str, metric: Metric) -> str:
    words = METRICS[name].words if name in METRICS else name
    return f"{words} {metric.value:.4g} (95 % interval {metric.low:.4g} to {metric.high:.4g})"


def _in_words(entry: Entry) -> str:
    told: dict[str, Any] = {"in the place of ": entry.previous if entry.action != "train" else "", "because: ": entry.reason}
    words = [f"{entry.at}  {entry.action} {entry.version} by {entry.who}", *(key + text for key, text in told.items() if text)]
    return ", ".join([*words, *(["gates overridden"] if entry.overridden else [])])
