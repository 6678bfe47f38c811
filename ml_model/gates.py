"""The gates between a candidate and the live place; ``train`` and ``promote`` run the same ones, and each says its own name.

Without a table ``[gates]`` only the check of the data and the sanity of the answers are judged.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from ml_model.acceptance import GatesTable
from ml_model.artifacts import Finding, GateResult, Metric, digest
from ml_model.behaviour import behaviour_gates
from ml_model.benchmark import Benchmark, metrics_of, read_benchmark, slice_rows
from ml_model.contract import contract_gates
from ml_model.corners import corner_gate
from ml_model.errors import BundleRefused, DataError
from ml_model.footprint import Contender, footprint_gates, load_contender
from ml_model.paired import losses, mean_loss, paired_difference
from ml_model.sanity import sanity_gates
from ml_model.scoring import Score
from ml_model.spec import ModelSpec
from ml_model.versions import parse

if TYPE_CHECKING:
    import pandas as pd

Vector = npt.NDArray[np.float64]
_KEPT = 0.8
"""Share of the recorded test rows that must be left: some may be corrected or deleted, the file may not become another."""


def run_gates(candidate: Contender, live: Contender | None, table: pd.DataFrame, findings: Sequence[Finding]) -> list[GateResult]:
    """Return what every gate says of a candidate on the test rows of a raw table.

    ``live`` is None where there is no release yet; then nothing is compared. Raises DataError where the candidate itself
    cannot read the table.
    """
    spec = candidate.scorer.spec
    bench = read_benchmark(spec, table)
    rows = list(bench.records)
    records, target = bench.take(rows)
    scores = candidate.scorer.score(records)
    learnt_from = np.delete(bench.target, rows)
    results = [_data(findings), *sanity_gates(spec, scores, target, table), corner_gate(candidate.scorer, learnt_from)]
    if spec.gates is None:
        return results
    metrics = metrics_of(spec, scores, target)
    results += [_limit(name, limits, metrics.get(name)) for name, limits in spec.gates.limits.items()]
    results += _slice_limits(spec, spec.gates, scores, target)
    results += behaviour_gates(candidate.scorer, records)
    if live is None:
        return results
    results += contract_gates(spec, live.scorer.spec, parse(candidate.scorer.version), parse(live.scorer.version))
    results += _beside_live(spec, spec.gates, live, table, dict(zip(rows, scores, strict=True)))
    return [*results, *footprint_gates(spec.gates, candidate, live)]


def run_gates_beside(
    live: str, trained: Path, candidate: Contender, table: pd.DataFrame, findings: Sequence[Finding]
) -> tuple[list[GateResult], Contender | None]:
    """Run the gates beside the release of version ``live`` (empty: beside none); return their results and that release.

    A live release that is refused is a failed gate, not an error: a person may have to leave one that is damaged, or was
    built by the scikit-learn of yesterday.
    """
    if not live:
        return run_gates(candidate, None, table, findings), None
    try:
        contender = load_contender(live, trained)
    except BundleRefused as error:
        refused = GateResult(name="live", passed=False, value=None, limit="a live release to compare with", detail=str(error))
        return [*run_gates(candidate, None, table, findings), refused], None
    return run_gates(candidate, contender, table, findings), contender


def gates_digest(results: Sequence[GateResult]) -> str:
    """SHA-256 of results as canonical JSON (keys sorted, no spaces); empty where no gate was run."""
    if not results:
        return ""
    tree = [one.model_dump(mode="json") for one in results]
    return digest(json.dumps(tree, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode())


def _data(findings: Sequence[Finding]) -> GateResult:
    errors = [finding for finding in findings if finding.stops]
    accepted = sum(bool(finding.accepted) for finding in findings)
    others = f"{len(findings)} finding(s), {f'{accepted} error(s) accepted' if accepted else 'none of them an error'}"
    detail = "; ".join(f"{finding.column or 'rows'}: {finding.detail}" for finding in errors) or others
    return GateResult(name="data", passed=not errors, value=float(len(errors)), limit="no error", detail=detail)


def _limit(name: str, limits: tuple[float, float], metric: Metric | None) -> GateResult:
    words = f"{limits[0]:g} to {limits[1]:g}"
    if metric is None:
        detail = f"{name} cannot be computed: a true or predicted number is not positive"
        return GateResult(name=f"limits.{name}", passed=False, value=None, limit=words, detail=detail)
    detail = f"{name} is {metric.value:.4g} (95 % interval {metric.low:.4g} to {metric.high:.4g}) on the fixed test set"
    passed = limits[0] <= metric.value <= limits[1]
    return GateResult(name=f"limits.{name}", passed=passed, value=metric.value, limit=words, detail=detail)


def _slice_limits(spec: ModelSpec, gates: GatesTable, scores: Sequence[Score], target: Vector) -> list[GateResult]:
    if gates.slice_limit is None:
        return []
    row_losses, results = losses(spec, scores, target), []
    for name, member in slice_rows(spec, [score.record for score in scores]).items():
        judged = int(member.sum()) >= gates.slice_rows
        value = mean_loss(gates.metric, row_losses[member]) if judged else None
        detail = f"{gates.metric} is {value:.4g} on {member.sum()} test rows" if judged else _too_few(int(member.sum()))
        passed = value is None or value <= gates.slice_limit
        limit = f"{gates.metric} at most {gates.slice_limit:g}"
        results.append(GateResult(name=f"slice.{name}", passed=passed, value=value, limit=limit, detail=detail))
    return results


def _beside_live(
    spec: ModelSpec, gates: GatesTable, live: Contender, table: pd.DataFrame, answered: dict[int, Score]
) -> list[GateResult]:
    try:
        bench = read_benchmark(live.scorer.spec, table)
    except DataError as error:
        detail = f"the live release cannot read the test rows: {error}"
        return [GateResult(name="benchmark", passed=False, value=None, limit="readable by both", detail=detail)]
    rows = [row for row in answered if row in bench.records]
    if not rows or live.scorer.spec.is_regression != spec.is_regression:
        detail = "no row is a test row under both specs, so nothing can be compared"
        return [GateResult(name="benchmark", passed=False, value=None, limit="shared test rows", detail=detail)]
    records, target = bench.take(rows)
    scores = [answered[row] for row in rows]
    new = losses(spec, scores, target, metric=gates.metric)
    old = losses(live.scorer.spec, live.scorer.score(records), target, metric=gates.metric)
    overall = [_benchmark_rows(live, bench), _benchmark(live, gates.metric, old), _live(spec, gates, new, old)]
    return overall + _slices_beside_live(spec, gates, slice_rows(spec, [score.record for score in scores]), new, old)


def _benchmark_rows(live: Contender, bench: Benchmark) -> GateResult:
    """Whether the test rows that the live release recorded with its answers are still what they were."""
    recorded = json.loads(live.files["golden.json"])["records"][1:]  # the first is the example of the spec
    known = {tuple(record.items()) for record in bench.records.values()}
    kept = [tuple(record.items()) in known for record in recorded]
    share = float(np.mean(kept)) if kept else 1.0
    detail = f"{sum(kept)} of {len(kept)} test rows that the live release recorded are as they were"
    mend = "" if share >= _KEPT else "; look for swapped columns, other units or labels in the file"
    limit = f"at least {_KEPT:.0%}"
    return GateResult(name="benchmark.rows", passed=share >= _KEPT, value=share, limit=limit, detail=detail + mend)


def _benchmark(live: Contender, metric: str, row_losses: Vector) -> GateResult:
    recorded, value = live.scorer.manifest.metrics.get(metric), mean_loss(metric, row_losses)
    name = "benchmark"
    if recorded is None:
        detail = f"the live release did not record its {metric}"
        return GateResult(name=name, passed=True, value=value, limit="as recorded", detail=detail)
    detail = f"{metric} of the live release is {value:.4g} on these {len(row_losses)} rows and was {recorded.value:.4g}"
    passed = recorded.low <= value <= recorded.high
    mend = (
        "" if passed else "; the test rows are not those that it was measured on: look for swapped columns, other units or labels"
    )
    limit = f"{recorded.low:.4g} to {recorded.high:.4g}, as when it was released"
    return GateResult(name=name, passed=passed, value=value, limit=limit, detail=detail + mend)


def _live(spec: ModelSpec, gates: GatesTable, candidate: Vector, live: Vector) -> GateResult:
    most = gates.worse_than_live
    found = paired_difference(candidate, live, seed=spec.estimator.seed)
    passed = found.mean_share <= most and found.verdict != "worse"
    limit = f"mean loss at most {most:.1%} above the live release, and not surely above it"
    return GateResult(name="live", passed=passed, value=found.mean_share, limit=limit, detail=str(found))


def _slices_beside_live(
    spec: ModelSpec, gates: GatesTable, members: dict[str, npt.NDArray[np.bool_]], candidate: Vector, live: Vector
) -> list[GateResult]:
    results = []
    for name, member in members.items():
        rows, found = int(member.sum()), None
        if rows >= gates.slice_rows:
            found = paired_difference(candidate[member], live[member], seed=spec.estimator.seed)
        passed = found is None or found.mean_share <= gates.slice_worse_than_live
        value, detail = (found.mean_share, str(found)) if found else (None, _too_few(rows))
        limit = f"mean loss at most {gates.slice_worse_than_live:.0%} above the live release"
        results.append(GateResult(name=f"slice_live.{name}", passed=passed, value=value, limit=limit, detail=detail))
    return results


def _too_few(rows: int) -> str:
    return f"not judged: {rows} test rows are too few"
