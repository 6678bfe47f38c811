"""A release in the words of its card: tables and facts for the page of the model, of a prediction, and for the admin."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from django.utils import timezone

from ml_model.artifacts import UNKNOWN, GateResult, Manifest
from ml_model.card import slice_columns
from ml_model.changes import Change, changes_between, flat
from ml_model.releases import Releases
from ml_model.spec import ModelSpec
from ml_model.words import figure_in_words, metric_in_words, metric_name
from predictions import embedded

_SHORT = 12
_TILES = ("median_ape", "coverage", "r2", "accuracy", "log_loss", "calibration_error")
_MOST_TILES = 3


@dataclass(frozen=True, kw_only=True, slots=True)
class Fact:
    """One line of a list of facts."""

    label: str
    words: str
    full: str = ""
    """The whole digest, of which ``words`` is the beginning."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Row:
    """One row of a table: its cells, each with the heading that it stands under."""

    cells: list[tuple[str, str]]
    strong: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Table:
    """A table as a template shows it."""

    heading: Sequence[str]
    rows: list[Row]


@dataclass(frozen=True, kw_only=True, slots=True)
class Tile:
    """One metric in large figures."""

    name: str
    value: str
    interval: str


def provenance_of(model: str, version: str) -> list[Fact]:
    """Return where the release comes from that answered a prediction; empty where it is no longer shipped."""
    record = embedded.record_of(model, version)
    return provenance(record.manifest) if record else []


def provenance(manifest: Manifest) -> list[Fact]:
    """Return which release it is, when it was trained, and from what."""
    known = manifest.code.clean or manifest.code.commit == UNKNOWN
    return [
        Fact(label="Release", words=f"{manifest.model} {manifest.version}"),
        Fact(label="Trained at", words=_moment(manifest.trained_at)),
        _digest("Contract (model.toml)", manifest.spec_sha256),
        _digest(f"Data ({manifest.data.file})", manifest.data.sha256),
        _digest("Commit", manifest.code.commit),
        *([] if known else [Fact(label="State of the code", words="with changes that were not committed")]),
    ]


def environment(manifest: Manifest) -> list[Fact]:
    """Return what it was trained by: seed, machine, libraries."""
    return [
        Fact(label="Seed", words=str(manifest.seed)),
        Fact(label="Time", words=f"{manifest.duration_s:g} s"),
        Fact(label="Python", words=f"{manifest.python} on {manifest.machine}"),
        *(Fact(label=name, words=number) for name, number in manifest.libraries.items()),
    ]


def hyperparameters(manifest: Manifest) -> list[Fact]:
    """Return how it learns."""
    return [Fact(label=key, words=value) for key, value in flat(manifest.hyperparameters)]


def tiles(spec: ModelSpec, manifest: Manifest) -> list[Tile]:
    """Return the few metrics that a reader who reads no more should know."""
    chosen = [name for name in _TILES if name in manifest.metrics][:_MOST_TILES]
    found = []
    for name in chosen:
        metric = manifest.metrics[name]
        value, low, high = (figure_in_words(spec, name, one) for one in (metric.value, metric.low, metric.high))
        found.append(Tile(name=metric_name(name), value=value, interval=f"{low} to {high}"))
    return found


def metrics(spec: ModelSpec, manifest: Manifest) -> Table:
    """Return all metrics with their intervals."""
    rows = []
    for name, metric in manifest.metrics.items():
        value, low, high = (figure_in_words(spec, name, one) for one in (metric.value, metric.low, metric.high))
        rows.append((metric_name(name), value, f"{low} to {high}"))
    return _table(("Metric", "Value", "95 % interval"), rows)


def slices(spec: ModelSpec, manifest: Manifest) -> Table:
    """Return the quality in each slice."""
    labels = {one.name: one.label for one in spec.slice}
    shown = slice_columns(spec, manifest.slices)
    rows = [
        [
            labels.get(name, name),
            f"{part.rows:,}",
            *(metric_in_words(spec, one, part.metrics[one]) if one in part.metrics else "" for one in shown),
        ]
        for name, part in manifest.slices.items()
    ]
    return _table(("Slice", "Test rows", *map(metric_name, shown)), rows)


def gates(results: Sequence[GateResult]) -> Table:
    """Return what the gates said, the failed ones first."""
    ordered = sorted(results, key=lambda one: one.passed)
    rows = [(one.name, "passed" if one.passed else "failed", one.limit, one.detail) for one in ordered]
    return _table(("Gate", "Result", "Must be", "What was seen"), rows, strong=[not one.passed for one in ordered])


def changes(manifest: Manifest) -> list[Change]:
    """Return what differs from the release that it was compared with; empty where that is no longer shipped."""
    if not manifest.compared_with:
        return []
    before = embedded.record_of(manifest.model, manifest.compared_with)
    old = embedded.spec_of(manifest.model, manifest.compared_with)
    new = embedded.spec_of(manifest.model, manifest.version)
    return changes_between(before.manifest, manifest, (old, new)) if before and old and new else []


def change_table(found: Iterable[Change]) -> Table:
    """Return changes as a table."""
    return _table(("What", "Name", "Before", "Now"), [(one.kind, one.name, one.before, one.after) for one in found])


def releases(listed: Releases, model: str, live: str) -> Table:
    """Return the releases of a model that are shipped, the newest first."""
    rows, strong = [], []
    for version in reversed(listed.manifests):
        record, spec = embedded.record_of(model, version), embedded.spec_of(model, version)
        if record is None or spec is None:
            rows.append((version, "cannot be read here", "", ""))
        else:
            name, metric = next(iter(record.manifest.metrics.items()))
            rows.append(
                (version, _moment(record.manifest.trained_at), f"{metric_name(name)}: {metric_in_words(spec, name, metric)}", "")
            )
        rows[-1] = (*rows[-1][:3], "live" if version == live else "not live")
        strong.append(version == live)
    return _table(("Version", "Trained", "On the fixed test set", "State"), rows, strong=strong)


def history(listed: Releases) -> Table:
    """Return what was done with releases, the newest first; who did it stands in the file, not on a public page."""
    words = {"train": "trained", "promote": "went live", "rollback": "went live again"}
    rows = [
        (_moment(one.at), f"{one.version} {words[one.action]}", f"{one.reason}{' (gates overridden)' if one.overridden else ''}")
        for one in reversed(listed.history)
    ]
    return _table(("When", "What", "Why"), rows)


def _table(heading: Sequence[str], rows: Iterable[Sequence[str]], *, strong: Sequence[bool] = ()) -> Table:
    made = [Row(cells=list(zip(heading, row, strict=True))) for row in rows]
    if strong:
        made = [Row(cells=row.cells, strong=flag) for row, flag in zip(made, strong, strict=True)]
    return Table(heading=heading, rows=made)


def _digest(label: str, whole: str) -> Fact:
    return Fact(label=label, words=whole[:_SHORT], full=whole) if len(whole) > _SHORT else Fact(label=label, words=whole)


def _moment(text: str) -> str:
    try:
        return f"{timezone.localtime(dt.datetime.fromisoformat(text)):%-d %B %Y, %H:%M %Z}"
    except ValueError:
        return text
