"""Everything that the card of a release says about quality, computed again from its bundle and the data."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from ml_model.artifacts import UNKNOWN, GateResult, Manifest, Metric
from ml_model.benchmark import metrics_of, slice_metrics
from ml_model.card import TIMED, data_lines, gate_lines, group_lines, metric_lines, slice_lines
from ml_model.data import Dataset, load_dataset
from ml_model.errors import DataError
from ml_model.figures import groups_of
from ml_model.footprint import Contender, load_contender
from ml_model.gates import run_gates
from ml_model.quality import check_data
from ml_model.releases import TRAINED, read_releases
from ml_model.spec import ModelSpec

PACKAGE = Path(__file__).parent
TOLERANCE = 1e-9
"""Largest relative difference between a number of the manifest and the recomputed one."""
_WRITTEN_LATER = frozenset({"manifest.json", "card.md", "log.jsonl", "residuals.svg", "calibration.svg"})


@dataclass(frozen=True, kw_only=True)
class Recomputation:
    """What came out."""

    lines: list[str]
    """The tables of the card, of the recomputed numbers."""
    differences: list[str]
    """One line per number that is not the recorded one."""


def evaluate(version: str, *, trained: Path = TRAINED, folder: Path = PACKAGE) -> Recomputation:
    """Compute the metrics, slices and gates of a listed release again on the data file under ``folder``.

    Raises DataError where the data is not what the release was trained from, ReleaseError and BundleRefused where the
    release cannot be opened.
    """
    contender = load_contender(version, trained)
    recorded, spec = contender.scorer.manifest, contender.scorer.spec
    dataset = load_dataset(spec, folder)
    if dataset.provenance.sha256 != recorded.data.sha256:
        commit = recorded.data.commit or recorded.code.commit
        where = "" if commit == UNKNOWN else f"; check out commit {commit}"
        raise DataError(f"{spec.data.file}: is not the data of release {version}{where}")
    records = [record for record, held_out in zip(dataset.records, dataset.is_test, strict=True) if held_out]
    target = dataset.target[dataset.is_test]
    scores = contender.scorer.score(records)
    rows = {"rows": len(dataset.records), "train_rows": len(dataset.records) - len(records), "test_rows": len(records)}
    again = recorded.model_copy(
        update={
            "data": recorded.data.model_copy(update=rows),
            "metrics": metrics_of(spec, scores, target),
            "slices": slice_metrics(spec, scores, target),
            "gates": _gates(contender, dataset, trained),
        }
    )
    lines = [*_lines(spec, again), *_titled("How sure it is, and how right", group_lines(spec, groups_of(spec, scores, target)))]
    return Recomputation(lines=lines, differences=list(_differences(recorded, again)))


def _gates(contender: Contender, dataset: Dataset, trained: Path) -> list[GateResult]:
    manifest, spec = contender.scorer.manifest, contender.scorer.spec
    if not manifest.gates:
        return []
    before = manifest.compared_with
    live = load_contender(before, trained) if before in read_releases(trained).manifests else None
    findings = check_data(spec, dataset.table, dataset.records, dataset.target, dataset.is_test)
    # As large as when the gates were run, which was before these files were written.
    files = {name: content for name, content in contender.files.items() if name not in _WRITTEN_LATER}
    return list(run_gates(Contender(scorer=contender.scorer, files=files), live, dataset.table, findings))


def _lines(spec: ModelSpec, manifest: Manifest) -> Iterator[str]:
    yield from _titled("Data", data_lines(manifest))
    yield from _titled("Quality on the fixed test set", metric_lines(spec, manifest.metrics))
    if manifest.slices:
        yield from _titled("Quality by slice", slice_lines(spec, manifest.slices))
    if manifest.gates:
        yield from _titled("Gates", gate_lines(manifest.gates))


def _titled(title: str, lines: list[str]) -> list[str]:
    return [f"## {title}", *lines, ""]


def _differences(recorded: Manifest, again: Manifest) -> Iterator[str]:
    for name in ("rows", "train_rows", "test_rows"):
        yield from _differ(f"data.{name}", getattr(recorded.data, name), getattr(again.data, name))
    yield from _of_metrics("metrics", recorded.metrics, again.metrics)
    # Bundles of before slices and gates were recorded have none to compare.
    for name, part in recorded.slices.items():
        other = again.slices.get(name)
        yield from _differ(f"slices.{name}.rows", part.rows, other.rows if other else None)
        yield from _of_metrics(f"slices.{name}", part.metrics, other.metrics if other else {})
    gates = {one.name: one for one in again.gates}
    for gate in recorded.gates:
        other_gate = gates.get(gate.name)
        if other_gate is None:
            yield f"gates.{gate.name}: recorded, and not run again"
        elif gate.name not in TIMED:
            yield from _differ(f"gates.{gate.name}", gate.value, other_gate.value)


def _of_metrics(way: str, recorded: Mapping[str, Metric], again: Mapping[str, Metric]) -> Iterator[str]:
    for name in dict.fromkeys([*recorded, *again]):
        old, new = recorded.get(name), again.get(name)
        for part in ("value", "low", "high"):
            yield from _differ(f"{way}.{name}.{part}", getattr(old, part, None), getattr(new, part, None))


def _differ(name: str, recorded: float | None, again: float | None) -> Iterator[str]:
    alike = recorded == again
    if recorded is not None and again is not None:
        alike = math.isclose(recorded, again, rel_tol=TOLERANCE, abs_tol=TOLERANCE)
    if not alike:
        yield f"{name}: the manifest says {recorded}, the data says {again}"
