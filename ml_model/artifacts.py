"""A release bundle: written at once or not at all; opened only after every digest in it was found right.

Files of a bundle: ``manifest.json`` (provenance, metrics, digest of every other file), ``model.toml`` (the spec that it was
trained from), ``pipeline.joblib`` (scikit-learn objects alone), ``calibration.json``, ``profile.json`` (what the
training rows held), ``golden.json`` (records with their answers), ``model.onnx`` (the same pipeline compiled, where it was proved
to be the same), ``parity.json`` (that proof), ``log.jsonl`` (what each stage of the training did), ``card.md``,
``residuals.svg`` and ``calibration.svg``. To add a file: write it in ``packing.py`` or, for people, in
``figures.py``, read it in ``read_bundle``, and raise ``FORMAT`` when an old reader could misunderstand the bundle.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import io
import shutil
import tempfile
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError

from ml_model.errors import BundleRefused, ModelError, in_one_line
from ml_model.spec import ModelSpec, parse_spec

FORMAT = 1
MANIFEST = "manifest.json"
ESTIMATORS = "pipeline.joblib"
SPEC = "model.toml"
COMPILED = "model.onnx"
PARITY = "parity.json"
UNKNOWN = "unknown"
"""Commit of code that no repository is known to hold."""
TOLERANCE = 1e-9
"""Largest relative error of an answer beside the one on record, or beside scikit-learn's."""


class _Stored(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Metric(_Stored):
    """One figure on the fixed test set."""

    value: float
    low: float
    """Lower end of its 95 % interval from resampling the test rows."""
    high: float
    """Upper end of it."""


class Origin(_Stored):
    """The data that a bundle was trained from."""

    file: str
    origin: str
    licence: str
    extraction: str = ""
    """The code that made the file out of its origin, with its version; empty where it was not told."""
    sha256: str
    commit: str = ""
    """Git commit that holds the file byte for byte; empty if none is known, and in bundles before release 2.0.0."""
    rows: int
    train_rows: int
    test_rows: int


class Code(_Stored):
    """The code that trained a bundle."""

    commit: str
    """Git commit that holds this package, or ``UNKNOWN``."""
    clean: bool
    """Whether the tree was as committed, and this package and ``model.toml`` byte for byte; False if that is not known."""

    def __str__(self) -> str:
        changed = "" if self.clean or self.commit == UNKNOWN else ", with changes that were not committed"
        return f"{self.commit}{changed}"


class Finding(_Stored):
    """What the check of the data found."""

    severity: Literal["error", "warning", "note"]
    """An error stops the training, a warning is for a person to weigh, a note is for the record."""
    column: str
    """Column of the data file; empty where it is about whole rows."""
    code: str
    """Stable machine word: ``duplicates``, ``leakage``, ``constant`` …"""
    detail: str
    """One sentence that says what was seen, and how to fix it."""
    accepted: str = ""
    """The reason that ``[[accept]]`` gives; empty if it is not accepted."""

    @property
    def stops(self) -> bool:
        """Whether it stops the training."""
        return self.severity == "error" and not self.accepted

    def __str__(self) -> str:
        accepted = f" (accepted: {self.accepted})" if self.accepted else ""
        return f"{self.severity}: {self.column or 'rows'}: {self.code}: {self.detail}{accepted}"


class SliceMetrics(_Stored):
    """The quality in one slice of the fixed test set."""

    rows: int
    metrics: dict[str, Metric]


class GateResult(_Stored):
    """What one gate said of a candidate."""

    name: str
    """Stable machine word, with its slice or behaviour: ``limits.rmsle``, ``behaviour.larger_costs_more``."""
    passed: bool
    value: float | None
    """What was measured; None where there was nothing to measure it by."""
    limit: str
    """What it had to be, in words."""
    detail: str
    """One sentence with the numbers."""


class Manifest(_Stored):
    """Who, what, when and how good."""

    format: int
    model: str
    version: str
    trained_at: str
    """UTC, ISO 8601."""
    duration_s: float
    seed: int
    spec_sha256: str
    data: Origin
    code: Code
    python: str
    machine: str
    instructions: str = ""
    """Vector instructions that numerical libraries could choose; they decide the last bits of what is learnt."""
    libraries: dict[str, str]
    metrics: dict[str, Metric]
    hyperparameters: dict[str, Any] = {}
    """The tables ``[estimator]`` and ``[interval]`` as they were used, with every default."""
    slices: dict[str, SliceMetrics] = {}
    findings: list[Finding] = []
    gates: list[GateResult] = []
    compared_with: str = ""
    """Version that was live when the gates were run; empty where there was none."""
    files: dict[str, str]
    """Name of every other file of the bundle with its SHA-256."""


class Calibration(_Stored):
    """How a prediction becomes an interval: ``transform(value) ± quantile × difficulty``."""

    level: float
    quantile: float
    adaptive: bool


class FieldProfile(_Stored):
    """What the training rows held in one field."""

    unknown: int
    choices: dict[str, int]
    """Rows per choice, or per ``True`` and ``False`` of a boolean (empty before release 2.0.0); empty for other fields."""
    least: float | None = None
    """The least number; None if there is none, and in bundles before release 2.0.0."""
    greatest: float | None = None
    """The greatest number, likewise."""
    first_day: str = ""
    """The earliest date of a field of dates; empty for other fields, and in bundles before release 2.0.0."""
    last_day: str = ""
    """The latest date, likewise."""


class Trial(_Stored):
    """One kind of rows that the compiled form was compared on with scikit-learn."""

    rows: int
    worst: float
    """Largest relative error of a number, or largest difference of a probability."""
    worst_row: dict[str, float | None]
    """Features of the row that it was found in."""
    flips: int = 0
    """Rows that got a less probable class."""


class Parity(_Stored):
    """The certificate that the compiled form answers as scikit-learn does, or the reason why there is no such form."""

    holds: bool
    """True: the compiled form serves. False: scikit-learn does."""
    tolerance: float
    trials: dict[str, Trial]
    """What was compared, by kind of row."""
    runtime: str = ""
    """Version of onnxruntime that was compared; no other is taken for it."""
    sha256: str = ""
    """Digest of the compiled form that was compared."""
    reason: str = ""
    """Why it does not hold."""

    @property
    def rows(self) -> int:
        """How many rows were compared."""
        return sum(trial.rows for trial in self.trials.values())

    @property
    def worst(self) -> float:
        """The largest error of all."""
        return max((trial.worst for trial in self.trials.values()), default=0.0)


class Golden(_Stored):
    """Records with the scores that they must get."""

    records: list[dict[str, Any]]
    scores: list[dict[str, Any]]


@dataclass(frozen=True, kw_only=True)
class Fitted:
    """What was learnt."""

    estimator: Any
    """Fitted scikit-learn estimator over the matrix of the feature layer."""
    difficulty: Any | None = None
    """Fitted regressor of the logarithm of the absolute residual; None where intervals have one width."""
    calibration: Calibration | None = None
    """None for classification."""


@dataclass(frozen=True, kw_only=True)
class Bundle:
    """A verified bundle in memory."""

    manifest: Manifest
    spec: ModelSpec
    profile: dict[str, FieldProfile]
    golden: Golden
    calibration: Calibration | None
    """None for classification."""
    opened: Callable[[], Fitted]
    """Opens what was learnt; raises BundleRefused under another scikit-learn than the one that built it."""
    parity: Parity | None = None
    """None for a bundle of before there were compiled forms."""
    compiled: bytes | None = None
    """The compiled form; None where there is none, or its certificate does not hold."""

    @cached_property
    def fitted(self) -> Fitted:
        """What was learnt, as objects of scikit-learn, which load with the first use."""
        return self.opened()


_CALIBRATION: TypeAdapter[Calibration | None] = TypeAdapter(Calibration | None)
_PROFILE = TypeAdapter(dict[str, FieldProfile])


def write_bundle(folder: Path, manifest: Manifest, files: Mapping[str, bytes]) -> Manifest:
    """Write a bundle to ``folder``, which must not exist yet, whole or not at all.

    Returns the manifest with the digests of the files.
    """
    if folder.exists():
        raise BundleRefused(folder.name, "a release is never overwritten; choose another version or remove the folder")
    complete = manifest.model_copy(update={"files": {name: digest(content) for name, content in sorted(files.items())}})
    folder.parent.mkdir(parents=True, exist_ok=True)
    building = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
    try:
        for name, content in files.items():
            (building / name).write_bytes(content)
        (building / MANIFEST).write_text(complete.model_dump_json(indent=2) + "\n", "utf-8")
        building.chmod(0o755)
        building.rename(folder)
    except BaseException:
        shutil.rmtree(building, ignore_errors=True)
        raise
    return complete


def read_bundle(folder: Path, manifest_sha256: str) -> Bundle:
    """Verify and open the bundle in ``folder``, whose manifest must have the given digest.

    Raises BundleRefused with the reason. Nothing of the bundle is executed before all of it is verified; its golden records
    are proved by the reader's caller, who can score.
    """
    manifest, contents = _verified(folder, manifest_sha256)
    try:
        spec = parse_spec(contents[SPEC].decode(), released=True)
        calibration = _CALIBRATION.validate_json(contents["calibration.json"])
        profile = _PROFILE.validate_json(contents["profile.json"])
        golden = Golden.model_validate_json(contents["golden.json"])
        parity = Parity.model_validate_json(contents[PARITY]) if PARITY in contents else None
        estimators = contents[ESTIMATORS]
    except (KeyError, ValueError, ModelError) as error:
        raise BundleRefused(folder.name, f"a part of it cannot be read: {in_one_line(error)}") from error
    if spec.is_regression and calibration is None:
        raise BundleRefused(folder.name, "calibration.json is empty, and a predicted number needs its interval")
    if not spec.is_regression and calibration:
        raise BundleRefused(folder.name, "calibration.json is not empty, and classes have no intervals")
    return Bundle(
        manifest=manifest,
        spec=spec,
        profile=profile,
        golden=golden,
        calibration=calibration,
        opened=lambda: _unpickled(manifest, estimators, calibration),
        parity=parity,
        compiled=_certified(folder, parity, contents.get(COMPILED)),
    )


def read_spec(folder: Path, manifest_sha256: str) -> ModelSpec:
    """Return the spec of a bundle after the same verification, opening nothing else; raise BundleRefused."""
    _, contents = _verified(folder, manifest_sha256)
    try:
        return parse_spec(contents[SPEC].decode(), released=True)
    except ModelError as error:
        raise BundleRefused(folder.name, f"its {SPEC} cannot be read: {error}") from error


def read_manifest(folder: Path, manifest_sha256: str) -> Manifest:
    """Return the manifest of a bundle after the same verification; raise BundleRefused."""
    return _verified(folder, manifest_sha256)[0]


def read_record(folder: Path, manifest_sha256: str, *endings: str) -> tuple[Manifest, dict[str, str]]:
    """Return the manifest of a bundle and the text of its files with one of the ``endings``, opening nothing else.

    All of the bundle is verified before; raises BundleRefused.
    """
    manifest, contents = _verified(folder, manifest_sha256)
    return manifest, {name: content.decode() for name, content in contents.items() if name.endswith(endings)}


def digest(content: bytes) -> str:
    """SHA-256 as hexadecimal digits."""
    return hashlib.sha256(content).hexdigest()


def _verified(folder: Path, manifest_sha256: str) -> tuple[Manifest, dict[str, bytes]]:
    try:
        contents = {path.name: path.read_bytes() for path in sorted(folder.iterdir())}
    except OSError as error:
        raise BundleRefused(folder.name, f"cannot be read: {error.strerror} ({error.filename})") from error
    if MANIFEST not in contents:
        raise BundleRefused(folder.name, f"there is no {MANIFEST}")
    stored = contents.pop(MANIFEST)
    if digest(stored) != manifest_sha256:
        raise BundleRefused(folder.name, f"{MANIFEST} is not the one that releases.toml lists")
    try:
        manifest = Manifest.model_validate_json(stored)
    except ValidationError as error:
        raise BundleRefused(folder.name, f"{MANIFEST} cannot be read: {in_one_line(error)}") from error
    if manifest.format != FORMAT:
        raise BundleRefused(folder.name, f"it has format {manifest.format}, this code reads format {FORMAT}")
    if odd := sorted(set(contents) ^ set(manifest.files)):
        raise BundleRefused(folder.name, f"'{odd[0]}' is {'not part of it' if odd[0] in contents else 'missing'}")
    for name, content in contents.items():
        if digest(content) != manifest.files[name]:
            raise BundleRefused(folder.name, f"'{name}' was changed after the release was made")
    return manifest, contents


def _certified(folder: Path, parity: Parity | None, compiled: bytes | None) -> bytes | None:
    if compiled is None and not (parity and parity.holds):
        return None
    if compiled is None or parity is None or not parity.holds:
        raise BundleRefused(folder.name, f"{COMPILED} and a certificate in {PARITY} that holds belong together")
    if parity.sha256 != digest(compiled):
        raise BundleRefused(folder.name, f"{PARITY} is the certificate of another {COMPILED}")
    if not parity.trials or not all(trial.rows for trial in parity.trials.values()):
        raise BundleRefused(folder.name, f"{PARITY} tells of no rows that its {COMPILED} was compared on")
    if parity.tolerance > TOLERANCE or any(trial.worst > TOLERANCE or trial.flips for trial in parity.trials.values()):
        raise BundleRefused(folder.name, f"{PARITY} says of errors beyond {TOLERANCE:g} that they do not matter")
    return compiled


def _unpickled(manifest: Manifest, content: bytes, calibration: Calibration | None) -> Fitted:
    # scikit-learn promises nothing about pickles of another version.
    built, here = manifest.libraries.get("scikit-learn", "(not recorded)"), importlib.metadata.version("scikit-learn")
    if built != here:
        reason = f"{ESTIMATORS} was built by scikit-learn {built}, and this is {here}; install {built} or train again"
        raise BundleRefused(manifest.version, reason)
    import joblib  # brings scikit-learn with it, which is needed only from here on

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        try:
            # From the verified bytes, not from the file, which could have been changed since.
            learnt = joblib.load(io.BytesIO(content))
            return Fitted(estimator=learnt["estimator"], difficulty=learnt["difficulty"], calibration=calibration)
        except Exception as error:
            raise BundleRefused(manifest.version, f"{ESTIMATORS} cannot be opened: {in_one_line(error)}") from error
