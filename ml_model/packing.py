"""The parts of a bundle: its files and its provenance, out of what a training read and learnt."""

from __future__ import annotations

import io
import json
import platform
from collections import Counter
from collections.abc import Sequence
from importlib.metadata import version as library_version
from pathlib import Path

import joblib

from ml_model import checkout
from ml_model.artifacts import (
    COMPILED,
    ESTIMATORS,
    FORMAT,
    PARITY,
    SPEC,
    UNKNOWN,
    Bundle,
    Code,
    FieldProfile,
    Fitted,
    Golden,
    Manifest,
    Origin,
    Parity,
    digest,
)
from ml_model.data import Dataset
from ml_model.environment import instruction_set
from ml_model.footprint import Contender
from ml_model.records import Record
from ml_model.scoring import Scorer, golden_answer
from ml_model.spec import ModelSpec

PACKAGE = Path(__file__).parent
_LIBRARIES = ("crepes", "joblib", "numpy", "onnx", "onnxruntime", "pandas", "pydantic", "scikit-learn", "scipy")
_GOLDEN_RECORDS = 20


def draft_manifest(version: str, text: str, spec: ModelSpec, dataset: Dataset, *, trained_at: str, folder: Path) -> Manifest:
    """Return the manifest as far as it is known before anything is measured; ``text`` is the ``model.toml`` in ``folder``."""
    return Manifest(
        format=FORMAT,
        model=spec.model.name,
        version=version,
        trained_at=trained_at,
        duration_s=0.0,
        seed=spec.estimator.seed,
        spec_sha256=digest(text.encode()),
        data=_origin(spec, dataset, folder),
        code=_code(text, folder),
        python=platform.python_version(),
        machine=platform.machine(),
        instructions=instruction_set(),
        libraries={name: library_version(name) for name in _LIBRARIES},
        metrics={},
        hyperparameters={"estimator": spec.estimator.model_dump(mode="json"), "interval": spec.interval.model_dump(mode="json")},
        files={},
    )


def unlisted(
    spec: ModelSpec, manifest: Manifest, fitted: Fitted, training: Sequence[Record], *, compiled: bytes | None, parity: Parity
) -> Bundle:
    """Return a bundle in memory that no file holds yet and that has no golden records; ``training`` is what it learnt from."""
    return Bundle(
        manifest=manifest,
        spec=spec,
        profile=profile_of(spec, training),
        golden=Golden(records=[], scores=[]),
        calibration=fitted.calibration,
        opened=lambda: fitted,
        compiled=compiled,
        parity=parity,
    )


def pack(text: str, bundle: Bundle, test: Sequence[Record]) -> Contender:
    """Return a candidate with every file that it answers by; ``text`` is its ``model.toml``, ``test`` holds its test rows."""
    scorer, fitted = Scorer(bundle), bundle.fitted
    golden = scorer.score([bundle.spec.example(), *test[: _GOLDEN_RECORDS - 1]])
    files = {
        SPEC: text.encode(),
        ESTIMATORS: _pickled({"estimator": fitted.estimator, "difficulty": fitted.difficulty}),
        "calibration.json": _json(fitted.calibration.model_dump() if fitted.calibration else None),
        "profile.json": _json({name: held.model_dump() for name, held in bundle.profile.items()}),
        "golden.json": _json({"records": [one.record for one in golden], "scores": [golden_answer(one) for one in golden]}),
        PARITY: _json(bundle.parity.model_dump() if bundle.parity else None),
        **({COMPILED: bundle.compiled} if bundle.compiled else {}),
    }
    return Contender(scorer=scorer, files=files)


def _origin(spec: ModelSpec, dataset: Dataset, folder: Path) -> Origin:
    told = dataset.provenance
    tests = int(dataset.is_test.sum())
    return Origin(
        file=spec.data.file,
        origin=told.origin,
        licence=told.licence,
        extraction=told.extraction,
        sha256=told.sha256,
        commit=_data_commit(folder / spec.data.file, told.sha256),
        rows=told.rows,
        train_rows=told.rows - tests,
        test_rows=tests,
    )


def _code(text: str, folder: Path, package: Path = PACKAGE) -> Code:
    """The commit that holds the package, if the repository around it does; ``text`` is the ``model.toml`` in ``folder``."""
    files = checkout.read(sorted(package.glob("*.py")))
    if folder.resolve() == package.resolve():
        files[package / SPEC] = text.encode()
    commit = checkout.head(package)
    differing = checkout.changed(files, commit) if commit else None
    if commit is None or differing is None:
        return Code(commit=UNKNOWN, clean=False)
    status = checkout.git(package, "status", "--porcelain", "--untracked-files=normal")
    return Code(commit=commit, clean=not differing and status == b"")


def _data_commit(path: Path, sha256: str) -> str:
    """The commit that holds the data file with this digest; empty if none is known."""
    commit, files = checkout.head(path.parent), checkout.read([path])
    known = commit and checkout.changed(files, commit) == [] and digest(files[path]) == sha256
    return commit if commit and known else ""


def profile_of(spec: ModelSpec, records: Sequence[Record]) -> dict[str, FieldProfile]:
    """Return what the training rows hold, by field; the warnings about an answer come from it."""
    profile = {}
    for field in spec.field:
        counts = Counter(record[field.name] for record in records)
        choices = {str(choice): counts[choice] for choice in ((True, False) if field.kind == "boolean" else field.codes)}
        numbers = [record[field.name] for record in records] if field.trained else []
        known = [number for number in numbers if isinstance(number, (int, float))]
        least, greatest = (min(known), max(known)) if known else (None, None)
        days = sorted(str(day) for day in counts if day is not None) if field.kind == "date" else []
        first_day, last_day = (days[0], days[-1]) if days else ("", "")
        profile[field.name] = FieldProfile(
            unknown=counts[None], choices=choices, least=least, greatest=greatest, first_day=first_day, last_day=last_day
        )
    return profile


def _pickled(content: object) -> bytes:
    buffer = io.BytesIO()
    joblib.dump(content, buffer, compress=("zlib", 9))
    return buffer.getvalue()


def _json(content: object) -> bytes:
    return (json.dumps(content, indent=1, ensure_ascii=False, allow_nan=False) + "\n").encode()
