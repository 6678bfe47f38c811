"""Proof that a release can be made again: retrained from the inputs that its bundle records, it gives the same answers."""

from __future__ import annotations

import csv
import io
import itertools
import json
import re
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from ml_model import checkout
from ml_model.artifacts import SPEC, Bundle, Fitted, Manifest, digest, read_bundle
from ml_model.compilation import compile_fitted
from ml_model.csv_files import read_table
from ml_model.data import Dataset, load_dataset, read_provenance
from ml_model.environment import differences
from ml_model.errors import DataError, NotReproduced
from ml_model.features import FeatureEncoder, Matrix
from ml_model.logbook import Logbook, Report
from ml_model.packing import PACKAGE
from ml_model.releases import TRAINED, read_releases
from ml_model.scoring import Scorer, golden_answer, predict_intervals, prove_golden
from ml_model.spec import ModelSpec, load_spec
from ml_model.training import SPEC_PATH, evaluate, learn

TOLERANCE = 1e-6
"""Largest relative difference of an answer that passes where processor, Python or a library is another one."""
_COMMIT = re.compile(r"[0-9a-f]{40}")


@dataclass(frozen=True, kw_only=True)
class Reproduction:
    """What was proved of a release."""

    version: str
    rows: int
    """Rows of the data file whose answers are the same."""
    golden: int
    """Golden records whose answers are the same."""
    exact: bool
    """Whether they are the same bit for bit, rather than within the tolerance."""
    difference: float
    """Largest relative difference of any answer."""
    environment: tuple[str, ...]
    """Where this environment is not the recorded one, in words."""

    def __str__(self) -> str:
        same = f"release {self.version} is reproduced: the same answers on all {self.rows} rows and {self.golden} golden records"
        if self.exact:
            return f"{same}, bit for bit"
        because = "; ".join(self.environment)
        return f"{same}, within a relative {TOLERANCE:g} (largest {self.difference:.2g}), not bit for bit: {because}"


def reproduce(
    version: str,
    *,
    report: Report,
    data: Path | None = None,
    spec_path: Path | None = None,
    folder: Path = SPEC_PATH.parent,
    trained: Path = TRAINED,
) -> Reproduction:
    """Train a listed release again from what its bundle records, and compare every answer.

    ``data`` and ``spec_path`` name files to be used instead of the recorded inputs; ``folder`` is what the data file of the
    spec is relative to. Raises NotReproduced with the first thing that differs, BundleRefused where the bundle is not as it was
    released.
    """
    bundle = read_bundle(trained / version, read_releases(trained).manifest_of(version))
    prove_golden(Scorer(bundle), bundle)
    _check_inputs(bundle, spec_path)
    report(_code_in_words(bundle.manifest))
    dataset = _dataset(bundle, _data_file(bundle.manifest, data, folder, report))
    matrix = FeatureEncoder(bundle.spec).matrix(dataset.records)
    training, test = ~dataset.is_test, dataset.is_test
    units = dataset.units[training]
    fitted = learn(bundle.spec, matrix[training], dataset.target[training], log=Logbook(report), units=units)
    metrics = evaluate(bundle.spec, fitted, matrix[test], dataset.target[test])
    proof = _compared(bundle, fitted, matrix)
    for name, metric in bundle.manifest.metrics.items():
        if not np.allclose(list(dict(metrics[name]).values()), list(dict(metric).values()), rtol=TOLERANCE, atol=TOLERANCE):
            raise NotReproduced(version, f"metric {name} is {metrics[name].value!r} and was {metric.value!r}")
    return proof


def _check_inputs(bundle: Bundle, spec_path: Path | None) -> None:
    """That the spec is the one of the manifest, and that a spec to be used instead says the same."""
    manifest = bundle.manifest
    recorded = {"seed": manifest.seed, **_keys(manifest.hyperparameters)}
    own = {"seed": bundle.spec.estimator.seed, **_keys(_plain(bundle.spec))}
    _same(manifest.version, f"the manifest records another {SPEC}", {key: own.get(key) for key in recorded}, recorded)
    if manifest.spec_sha256 != manifest.files[SPEC]:
        raise NotReproduced(manifest.version, f"{SPEC} is not the one that the manifest says it was trained from")
    if spec_path:
        _same(manifest.version, spec_path.name, _keys(_plain(load_spec(spec_path, released=True))), _keys(_plain(bundle.spec)))


def _same(version: str, where: str, now: Mapping[str, object], then: Mapping[str, object]) -> None:
    for key in sorted(now.keys() | then.keys()):
        if now.get(key) != then.get(key):
            raise NotReproduced(version, f"{where}: {key} is {now.get(key)!r:.80} and was {then.get(key)!r:.80}")


def _plain(spec: ModelSpec) -> object:
    plain: object = json.loads(spec.model_dump_json())
    return plain


def _keys(tree: object, prefix: str = "") -> dict[str, object]:
    """The leaves of a tree by their keys: ``estimator.linear.alpha``, ``field[living_area].range[0]``."""
    if isinstance(tree, dict):
        steps = [(f"{prefix}.{key}" if prefix else str(key), inner) for key, inner in tree.items()]
    elif isinstance(tree, list):
        steps = [
            (f"{prefix}[{one.get('name', number) if isinstance(one, dict) else number}]", one) for number, one in enumerate(tree)
        ]
    else:
        return {prefix: tree}
    return {key: value for step, inner in steps for key, value in _keys(inner, step).items()}


def _data_file(manifest: Manifest, given: Path | None, folder: Path, report: Report) -> bytes:
    """The data that a release was trained from, out of the file that was given, the tree, or the recorded commit."""
    path = given or folder / manifest.data.file
    try:
        content = path.read_bytes()
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {error.strerror}") from error
    if digest(content) == manifest.data.sha256:
        report(f"data: {path.name}, with the recorded digest")
        return content
    # Bundles without the commit of their data were trained where the code and the data are in one repository.
    commit = manifest.data.commit or manifest.code.commit
    committed = checkout.git(folder, "show", f"{commit}:./{manifest.data.file}") if _COMMIT.fullmatch(commit) else None
    known = committed is not None and digest(committed) == manifest.data.sha256
    if given is None and committed is not None and known and _moved_on(path):
        report(f"data: {path.name} as it was at commit {commit[:12]}; the tree has another one by now")
        return committed
    seen = _first_difference(content, committed) if committed is not None and known else "its digest is another one"
    raise NotReproduced(manifest.version, f"{path.name} is not the file that it was trained from: {seen}")


def _moved_on(path: Path) -> bool:
    """Whether another data file was described and committed, rather than the file changed on the way."""
    committed = checkout.git(path.parent, "show", f"HEAD:./{path.name}")
    return committed == path.read_bytes() and digest(committed) == read_provenance(path).sha256


def _first_difference(now: bytes, then: bytes) -> str:
    def rows(content: bytes) -> Iterator[list[str]]:
        return csv.reader(io.StringIO(content.decode("utf-8-sig", "replace"), newline=""))

    header = next(rows(then))
    for line, (row, old) in enumerate(itertools.zip_longest(rows(now), rows(then)), start=1):
        if row is None or old is None or len(row) != len(old):
            return f"row {line} was {'added' if old is None else 'removed' if row is None else 'cut or lengthened'}"
        for name, cell, before in zip(header, row, old, strict=False):
            if cell != before:
                return f"row {line} (the header is row 1), column '{name}' is '{cell:.40}' and was '{before:.40}'"
    return "its bytes differ, its cells do not"


def _dataset(bundle: Bundle, content: bytes) -> Dataset:
    """The data set out of the very bytes that were verified, whatever lies in the tree."""
    told = bundle.manifest.data
    with tempfile.TemporaryDirectory() as name:
        path = Path(name) / told.file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        shape = {"rows": told.rows, "columns": len(read_table(path).columns)}
        words = {"origin": told.origin, "licence": told.licence, "extraction": told.extraction, "sha256": told.sha256}
        lines = [f"{key} = {json.dumps(value)}" for key, value in {**words, **shape}.items()]
        path.with_name("provenance.toml").write_text("\n".join([f"[{json.dumps(path.name)}]", *lines, ""]), "utf-8")
        dataset = load_dataset(bundle.spec, Path(name))
    tests = int(dataset.is_test.sum())
    if tests != told.test_rows:
        raise NotReproduced(bundle.manifest.version, f"{tests} rows are held out, and {told.test_rows} were")
    return dataset


def _compared(bundle: Bundle, fitted: Fitted, matrix: Matrix) -> Reproduction:
    manifest = bundle.manifest
    now, then = (_answers(bundle.spec, one, matrix) for one in (fitted, bundle.fitted))
    compiled = compile_fitted(fitted) if bundle.compiled else None
    again = Scorer(replace(bundle, opened=lambda: fitted, calibration=fitted.calibration, compiled=compiled))
    golden = [_keys(golden_answer(score)) for score in again.score(bundle.golden.records)]
    recorded = [_keys(score) for score in bundle.golden.scores]
    numbers = [key for key, value in recorded[0].items() if isinstance(value, float)]
    gap = _gaps(now, then)
    golden_gap = _gaps(*(np.array([[answer[key] for key in numbers] for answer in each]) for each in (golden, recorded)))
    largest = float(max(gap.max(), golden_gap.max()))
    exact = now.tobytes() == then.tobytes() and golden == recorded
    environment = differences(manifest)
    if not exact and (not environment or largest > TOLERANCE):
        raise NotReproduced(manifest.version, _gap_in_words(now, then, gap, TOLERANCE if environment else 0.0))
    return Reproduction(
        version=manifest.version,
        rows=len(matrix),
        golden=len(golden),
        exact=exact,
        difference=largest,
        environment=tuple(environment),
    )


def _gap_in_words(now: Matrix, then: Matrix, gap: Matrix, allowed: float) -> str:
    apart = int((gap > allowed).any(axis=1).sum())
    if not apart:
        return "every row gets its answer, but a golden record gets another one than golden.json holds"
    row, column = np.unravel_index(int(gap.argmax()), gap.shape)
    seen = f"{apart} of {len(now)} rows get another answer, the largest relative difference is {gap.max():.2g}"
    return f"{seen}: row {row + 1} gets {now[row, column]:.17g} and got {then[row, column]:.17g}"


def _answers(spec: ModelSpec, fitted: Fitted, matrix: Matrix) -> Matrix:
    """Value with both ends of its interval, or the probabilities; shape (rows, 3 or classes)."""
    if spec.is_regression:
        return np.column_stack(predict_intervals(spec, fitted, matrix))
    probabilities: Matrix = fitted.estimator.predict_proba(matrix)
    return probabilities


def _gaps(now: Matrix, then: Matrix) -> Matrix:
    """Differences as shares of the largest number of their row, of which the end of an interval may be next to 0."""
    size = np.maximum(np.abs(now), np.abs(then)).max(axis=1, keepdims=True)
    gaps: Matrix = np.abs(now - then) / np.maximum(size, np.finfo(np.float64).tiny)
    return gaps


def _code_in_words(manifest: Manifest, package: Path = PACKAGE) -> str:
    commit = manifest.code.commit
    if not _COMMIT.fullmatch(commit):
        return "code: the present one; the release records no commit"
    short = f"commit {manifest.code.model_copy(update={'commit': commit[:12]})}"
    differing = checkout.changed(checkout.read(sorted(package.glob("*.py"))), commit)
    if differing is None:
        return f"code: the present one; the recorded {short}, is not in the repository around it"
    same = "as at" if not differing else f"the present one, which differs in {len(differing)} file(s) from"
    return f"code: {same} the recorded {short}"
