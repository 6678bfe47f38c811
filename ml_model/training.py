"""Training: load, check, split, features, fit, calibrate, compile, evaluate, gate, bundle; in this order, all of it or nothing.

The log ends before the last stage, which writes it into the bundle.
"""

from __future__ import annotations

import datetime as dt
import shutil
import time
from dataclasses import replace
from itertools import compress
from pathlib import Path

import numpy as np
import numpy.typing as npt

from ml_model.artifacts import MANIFEST, SPEC, Finding, Fitted, Manifest, Metric, digest, write_bundle
from ml_model.benchmark import slice_metrics
from ml_model.calibration import calibrate
from ml_model.class_calibration import fit_classifier
from ml_model.data import Dataset, load_dataset
from ml_model.errors import DataError, GatesFailed, ReleaseError
from ml_model.evaluation import classification_metrics, regression_metrics
from ml_model.features import FeatureEncoder, Matrix
from ml_model.figures import card_files
from ml_model.footprint import Contender
from ml_model.gates import gates_digest, run_gates_beside
from ml_model.logbook import Logbook, Report
from ml_model.packing import draft_manifest, pack, unlisted
from ml_model.parity import certified
from ml_model.pipeline import build_estimator
from ml_model.quality import check_data
from ml_model.releases import TRAINED, add_release, check_version, read_releases
from ml_model.scoring import Scorer, predict_intervals
from ml_model.spec import ModelSpec, parse_spec, read_spec_text
from ml_model.split import Integers

SPEC_PATH = Path(__file__).parent / SPEC


def train(
    version: str,
    *,
    report: Report,
    spec_path: Path = SPEC_PATH,
    trained: Path = TRAINED,
    override: str = "",
    keep: Path | None = None,
) -> Manifest:
    """Train the model of a spec and list it as release ``version``; return its manifest.

    Raises TrainingError naming the stage that failed, and then leaves nothing behind. Raises GatesFailed where gates
    refuse the candidate: it is written to ``keep``, if told, and not listed, unless ``override`` gives the reason to list it.
    """
    check_version(version)
    releases = read_releases(trained)
    if version in releases.manifests:
        raise ReleaseError(f"release {version} exists already; a release is never trained twice")
    if keep and keep.exists():
        raise ReleaseError(f"{keep} exists already; name a folder that does not")
    log, started = Logbook(report), time.monotonic()
    text, dataset, findings = _prepared(spec_path, log)
    candidate = _candidate(version, text, dataset, spec_path.parent, log)
    with log.stage("gate") as facts:
        gates, live = run_gates_beside(releases.live, trained, candidate, dataset.table, findings)
        facts.update(live=releases.live, gates={gate.name: gate.passed for gate in gates})
    with log.stage("bundle"):
        judged = {"findings": findings, "gates": gates, "compared_with": releases.live}
        judged["duration_s"] = round(time.monotonic() - started, 1)
        manifest = candidate.scorer.manifest.model_copy(update=judged)
        held_out = list(compress(dataset.records, dataset.is_test))
        shown = card_files(
            candidate.scorer, manifest, held_out, dataset.target[dataset.is_test], live=live.scorer if live else None
        )
        files = {**candidate.files, **shown, "log.jsonl": log.content()}
        failed = [gate for gate in gates if not gate.passed]
        if not failed or override:
            return _listed(trained, manifest, files, reason=override if failed else "", overridden=bool(failed))
        if keep:
            write_bundle(keep, manifest, files)
    raise GatesFailed(version, [f"{gate.name}: {gate.detail} (must be: {gate.limit})" for gate in failed])


def _prepared(spec_path: Path, log: Logbook) -> tuple[str, Dataset, list[Finding]]:
    with log.stage("load") as facts:
        text = read_spec_text(spec_path)
        spec = parse_spec(text)
        dataset = load_dataset(spec, spec_path.parent)
        facts.update(rows=len(dataset.records), data_sha256=dataset.provenance.sha256)
    with log.stage("check") as facts:
        findings = check_data(spec, dataset.table, dataset.records, dataset.target, dataset.is_test)
        for finding in findings:
            log.report(str(finding))
        errors = [f"{finding.column or 'rows'}: {finding.code}: {finding.detail}" for finding in findings if finding.stops]
        if errors:
            raise DataError(f"{spec.data.file}: {' | '.join(errors)}")
        facts.update(findings=[one.model_dump() for one in findings])
    return text, dataset, findings


def _candidate(version: str, text: str, dataset: Dataset, folder: Path, log: Logbook) -> Contender:
    spec, trained_at = parse_spec(text), dt.datetime.now(dt.UTC).isoformat(timespec="seconds")
    with log.stage("split") as facts:
        test, training = dataset.is_test, ~dataset.is_test
        held_out, learnt_from = (list(compress(dataset.records, member)) for member in (test, training))
        facts.update(training_rows=len(learnt_from), test_rows=len(held_out))
    with log.stage("features") as facts:
        encoder = FeatureEncoder(spec)
        matrix = encoder.matrix(dataset.records)
        facts.update(features=list(encoder.names))
    fitted = learn(spec, matrix[training], dataset.target[training], log=log, units=dataset.units[training])
    with log.stage("compile") as facts:
        compiled, parity = certified(spec, fitted, matrix, report=log.report)
        facts.update(holds=parity.holds, reason=parity.reason, worst={name: trial.worst for name, trial in parity.trials.items()})
    with log.stage("evaluate") as facts:
        draft = draft_manifest(version, text, spec, dataset, trained_at=trained_at, folder=folder)
        metrics = evaluate(spec, fitted, matrix[test], dataset.target[test])
        bundle = unlisted(spec, draft, fitted, learnt_from, compiled=compiled, parity=parity)
        slices = slice_metrics(spec, Scorer(bundle).score(held_out), dataset.target[test])
        facts.update(metrics={name: metric.value for name, metric in metrics.items()})
        manifest = draft.model_copy(update={"metrics": metrics, "slices": slices})
        return pack(text, replace(bundle, manifest=manifest), held_out)


def learn(
    spec: ModelSpec, matrix: Matrix, target: npt.NDArray[np.float64], *, log: Logbook, units: Integers | None = None
) -> Fitted:
    """Fit and calibrate the estimator of a spec on training rows: ``matrix`` (n, features), ``target`` (n,).

    ``units`` (n,) numbers the unit of each row, whose rows share a fold; without it each row is a unit of its own.
    """
    units = np.arange(len(target)) if units is None else units
    with log.stage("fit") as facts:
        facts.update(rows=len(matrix), features=matrix.shape[1], seed=spec.estimator.seed)
        if not spec.is_regression:
            estimator, losses = fit_classifier(spec, matrix, target, units)
            facts.update(out_of_fold_log_loss=losses)
            return Fitted(estimator=estimator)
        estimator = build_estimator(spec).fit(matrix, target)
    with log.stage("calibrate") as facts:
        calibration, difficulty = calibrate(spec, estimator, matrix, target, units)
        facts.update(calibration.model_dump())
    return Fitted(estimator=estimator, calibration=calibration, difficulty=difficulty)


def evaluate(spec: ModelSpec, fitted: Fitted, matrix: Matrix, target: npt.NDArray[np.float64]) -> dict[str, Metric]:
    """Return the metrics of what was learnt on rows that it has not seen: ``matrix`` (n, features), ``target`` (n,)."""
    seed = spec.estimator.seed
    if spec.is_regression:
        return regression_metrics(target, *predict_intervals(spec, fitted, matrix), seed=seed)
    return classification_metrics(target, fitted.estimator.predict_proba(matrix), seed=seed)


def _listed(trained: Path, manifest: Manifest, files: dict[str, bytes], *, reason: str, overridden: bool) -> Manifest:
    folder = trained / manifest.version
    complete = write_bundle(folder, manifest, files)
    try:
        written = digest((folder / MANIFEST).read_bytes())
        gates = gates_digest(manifest.gates)
        add_release(manifest.version, written, trained, reason=reason, gates=gates, overridden=overridden)
    except BaseException:
        shutil.rmtree(folder)
        raise
    return complete
