"""Training: data, features, estimator, evaluation, bundle; always in this order, and all of it or nothing."""

from __future__ import annotations

import datetime as dt
import io
import json
import platform
import shutil
import subprocess
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.metadata import version as library_version
from pathlib import Path

import joblib
import numpy as np
import numpy.typing as npt

from ml_model.artifacts import (
    ESTIMATORS,
    FORMAT,
    MANIFEST,
    SPEC,
    Bundle,
    Code,
    FieldProfile,
    Fitted,
    Golden,
    Manifest,
    Metric,
    Origin,
    digest,
    write_bundle,
)
from ml_model.calibration import calibrate
from ml_model.card import render_card
from ml_model.data import Dataset, load_dataset
from ml_model.errors import ModelError, ReleaseError, TrainingError
from ml_model.evaluation import classification_metrics, regression_metrics
from ml_model.features import FeatureEncoder, Matrix
from ml_model.pipeline import build_estimator
from ml_model.records import Record
from ml_model.releases import TRAINED, add_release, check_version, read_releases
from ml_model.scoring import Scorer, golden_answer, predict_intervals
from ml_model.spec import ModelSpec, parse_spec

SPEC_PATH = Path(__file__).parent / SPEC
_LIBRARIES = ("crepes", "joblib", "numpy", "pandas", "pydantic", "scikit-learn", "scipy")
_GOLDEN_RECORDS = 20
Report = Callable[[str], None]


def train(version: str, *, report: Report, spec_path: Path = SPEC_PATH, trained: Path = TRAINED) -> Manifest:
    """Train the model of a spec and list it as release ``version``; return its manifest.

    Raises TrainingError naming the stage that failed, and then leaves nothing behind.
    """
    check_version(version)
    if version in read_releases(trained).manifests:
        raise ReleaseError(f"release {version} exists already; a release is never trained twice")
    started, started_at = time.monotonic(), dt.datetime.now(dt.UTC)
    with _stage("load", report):
        text = spec_path.read_text("utf-8")
        spec = parse_spec(text)
        dataset = load_dataset(spec, spec_path.parent)
    with _stage("features", report):
        matrix = FeatureEncoder(spec).matrix(dataset.records)
        training, test = ~dataset.is_test, dataset.is_test
    fitted = learn(spec, matrix[training], dataset.target[training], report=report)
    with _stage("evaluate", report):
        metrics = evaluate(spec, fitted, matrix[test], dataset.target[test])
    with _stage("bundle", report):
        manifest = Manifest(
            format=FORMAT,
            model=spec.model.name,
            version=version,
            trained_at=started_at.isoformat(timespec="seconds"),
            duration_s=round(time.monotonic() - started, 1),
            seed=spec.estimator.seed,
            spec_sha256=digest(text.encode()),
            data=_origin(spec, dataset),
            code=_code(spec_path.parent),
            python=platform.python_version(),
            machine=platform.machine(),
            libraries={name: library_version(name) for name in _LIBRARIES},
            metrics=metrics,
            files={},
        )
        complete = write_bundle(trained / version, manifest, _files(text, manifest, fitted, dataset))
        try:
            add_release(version, digest((trained / version / MANIFEST).read_bytes()), trained)
        except BaseException:
            shutil.rmtree(trained / version)
            raise
    return complete


def learn(spec: ModelSpec, matrix: Matrix, target: npt.NDArray[np.float64], *, report: Report) -> Fitted:
    """Fit and calibrate the estimator of a spec on training rows: ``matrix`` (n, features), ``target`` (n,)."""
    with _stage("fit", report):
        estimator = build_estimator(spec).fit(matrix, target)
    if not spec.is_regression:
        return Fitted(estimator=estimator)
    with _stage("calibrate", report):
        calibration, difficulty = calibrate(spec, estimator, matrix, target)
    return Fitted(estimator=estimator, calibration=calibration, difficulty=difficulty)


def evaluate(spec: ModelSpec, fitted: Fitted, matrix: Matrix, target: npt.NDArray[np.float64]) -> dict[str, Metric]:
    """Return the metrics of what was learnt on rows that it has not seen: ``matrix`` (n, features), ``target`` (n,)."""
    seed = spec.estimator.seed
    if spec.is_regression:
        return regression_metrics(target, *predict_intervals(spec, fitted, matrix), seed=seed)
    return classification_metrics(target, fitted.estimator.predict_proba(matrix), seed=seed)


def _files(text: str, manifest: Manifest, fitted: Fitted, dataset: Dataset) -> dict[str, bytes]:
    """Every file of the bundle but its manifest."""
    spec = parse_spec(text)
    sides: dict[bool, list[Record]] = {True: [], False: []}
    for record, is_test in zip(dataset.records, dataset.is_test.tolist(), strict=True):
        sides[is_test].append(record)
    profile = _profile(spec, sides[False])
    scorer = Scorer(Bundle(manifest=manifest, spec=spec, fitted=fitted, profile=profile, golden=Golden(records=[], scores=[])))
    golden = scorer.score([spec.example(), *sides[True][: _GOLDEN_RECORDS - 1]])
    return {
        SPEC: text.encode(),
        ESTIMATORS: _pickled({"estimator": fitted.estimator, "difficulty": fitted.difficulty}),
        "calibration.json": _json(fitted.calibration.model_dump() if fitted.calibration else None),
        "profile.json": _json({name: held.model_dump() for name, held in profile.items()}),
        "golden.json": _json({"records": [one.record for one in golden], "scores": [golden_answer(one) for one in golden]}),
        "card.md": render_card(spec, manifest).encode(),
    }


@contextmanager
def _stage(name: str, report: Report) -> Iterator[None]:
    started = time.monotonic()
    report(f"{name} …")
    try:
        yield
    except (ModelError, ValueError, OSError) as error:
        raise TrainingError(name, error) from error
    report(f"{name} done in {time.monotonic() - started:.1f} s")


def _origin(spec: ModelSpec, dataset: Dataset) -> Origin:
    told = dataset.provenance
    tests = int(dataset.is_test.sum())
    return Origin(
        file=spec.data.file,
        origin=told.origin,
        licence=told.licence,
        sha256=told.sha256,
        rows=told.rows,
        train_rows=told.rows - tests,
        test_rows=tests,
    )


def _code(folder: Path) -> Code:
    def git(*words: str) -> str:
        return subprocess.run(["git", *words], cwd=folder, capture_output=True, text=True, check=True).stdout.strip()

    try:
        return Code(commit=git("rev-parse", "HEAD"), clean=not git("status", "--porcelain"))
    except (OSError, subprocess.CalledProcessError):
        return Code(commit="unknown", clean=False)


def _profile(spec: ModelSpec, records: list[Record]) -> dict[str, FieldProfile]:
    profile = {}
    for field in spec.field:
        counts = Counter(record[field.name] for record in records)
        choices = {str(choice): counts[choice] for choice in field.codes}
        profile[field.name] = FieldProfile(unknown=counts[None], choices=choices)
    return profile


def _pickled(content: object) -> bytes:
    buffer = io.BytesIO()
    joblib.dump(content, buffer, compress=("zlib", 9))
    return buffer.getvalue()


def _json(content: object) -> bytes:
    return (json.dumps(content, indent=1, ensure_ascii=False, allow_nan=False) + "\n").encode()
