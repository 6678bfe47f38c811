"""Compare compiled forms with scikit-learn on many rows, drawn from all of what a spec accepts.

    PYTHONPATH=. python benchmarks/prove_parity.py [--rows 1000000]

The live release stands for a number; models of two and of three classes are trained here from the data of the tests. The compiled
form of a release is the one of its bundle, or made here where it has none.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from ml_model.artifacts import Fitted, read_bundle
from ml_model.compilation import compile_fitted
from ml_model.compiled import Answering, compiled_answers, learnt_answers, runtime_version
from ml_model.data import load_dataset
from ml_model.features import FeatureEncoder, Matrix
from ml_model.logbook import Logbook
from ml_model.parity import compared, drawn_columns
from ml_model.releases import TRAINED, read_releases
from ml_model.spec import ModelSpec, load_spec
from ml_model.tables import BoostingTable, EstimatorTable, ForestTable, LinearTable
from ml_model.training import learn

EXAMPLES = Path(__file__).parents[1] / "tests" / "data"
AT_ONCE = 20_000


def subjects() -> Iterator[tuple[str, ModelSpec, Fitted, bytes]]:
    """Yield a name, a spec, what was learnt, and its compiled form."""
    releases = read_releases()
    bundle = read_bundle(TRAINED / releases.live, releases.manifest_of(releases.live))
    yield f"release {releases.live}, a number", bundle.spec, bundle.fitted, bundle.compiled or compile_fitted(bundle.fitted)
    for name, words in (("credit", "two classes"), ("penguins", "three classes")):
        spec = load_spec(EXAMPLES / f"{name}.toml")
        members = EstimatorTable(
            linear=LinearTable(), boosting=BoostingTable(trees=50), forest=ForestTable(trees=30, rows_per_leaf=5)
        )
        spec = spec.model_copy(update={"estimator": members})
        dataset = load_dataset(spec, EXAMPLES)
        training = ~dataset.is_test
        matrix = FeatureEncoder(spec).matrix(dataset.records)[training]
        fitted = learn(spec, matrix, dataset.target[training], log=Logbook(lambda line: None))
        yield f"{name}, {words}", spec, fitted, compile_fitted(fitted)


def drawn(spec: ModelSpec, rows: int) -> Iterator[Matrix]:
    """Yield random rows in parts."""
    random, encoder = np.random.default_rng(20_240_601), FeatureEncoder(spec)
    for start in range(0, rows, AT_ONCE):
        yield encoder.derive(drawn_columns(spec, random, min(AT_ONCE, rows - start)))


def timed(answering: Answering, seconds: dict[str, float], name: str) -> Answering:
    """Return the same answers, whose time is added up."""

    def answers(matrix: Matrix) -> Any:
        started = time.perf_counter()
        found = answering(matrix)
        seconds[name] = seconds.get(name, 0.0) + time.perf_counter() - started
        return found

    return answers


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rows", type=int, default=1_000_000)
    rows = parser.parse_args().rows
    print(f"onnxruntime {runtime_version()}")
    print("| model | rows | worst error | other classes | scikit-learn, s | compiled, s |")
    print("|---|---|---|---|---|---|", flush=True)
    for name, spec, fitted, content in subjects():
        seconds: dict[str, float] = {}
        here, there = timed(compiled_answers(content), seconds, "here"), timed(learnt_answers(fitted), seconds, "there")
        trial = compared(FeatureEncoder(spec).names, here, there, drawn(spec, rows), labels=not spec.is_regression)
        kind = "relative" if spec.is_regression else "of a probability"
        cells = [name, f"{trial.rows:,}", f"{trial.worst:.2g} {kind}", str(trial.flips)]
        cells += [f"{seconds[side]:.1f}" for side in ("there", "here")]
        print(f"| {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()
