"""Models to measure by: one over any number of generated fields, and the project's own with any number of trees."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
from pathlib import Path
from typing import Any

from benchmarks import harness  # first, for its one thread
from ml_model.scoring import Scorer, load_scorer
from ml_model.training import SPEC_PATH, train

_ROWS = 1500
_TREES = 100
_VERSION = "1.0.0"
_CHOICES = [[letter, f"Choice {letter}"] for letter in "abcde"]


def with_fields(count: int, folder: Path) -> Scorer:
    """Train a model over so many generated fields, of which three in ten are categories, two whole numbers and five numbers."""
    import numpy as np

    folder.mkdir()
    rng = np.random.default_rng(count)
    fields = [_field(number) for number in range(count)]
    columns, target = [], np.full(_ROWS, 1000.0)
    for field in fields:
        weight = float(rng.uniform(0.5, 1.5))
        if field["kind"] == "category":
            drawn = rng.integers(len(_CHOICES), size=_ROWS)
            columns.append([_CHOICES[one][0] for one in drawn])
            target += weight * 25 * drawn
        elif field["kind"] == "integer":
            drawn = rng.integers(0, 10, size=_ROWS)
            columns.append([str(one) for one in drawn])
            target += weight * 10 * drawn
        else:
            drawn = np.round(rng.uniform(0, 100, size=_ROWS), 2)
            columns.append([str(one) for one in drawn])
            target += weight * drawn
    target += rng.normal(0, 20, size=_ROWS)
    header = ["Id", *(field["column"] for field in fields), "Target"]
    rows = zip([f"r{row}" for row in range(_ROWS)], *columns, [f"{one:.2f}" for one in target], strict=True)
    content = "\n".join(",".join(row) for row in [header, *rows]) + "\n"
    (folder / "rows.csv").write_text(content, "utf-8")
    origin = {"origin": "Generated.", "licence": "CC0", "sha256": hashlib.sha256(content.encode()).hexdigest()}
    origin |= {"rows": _ROWS, "columns": len(header)}
    (folder / "provenance.toml").write_text(f'["rows.csv"]\n{_toml_text(origin)}', "utf-8")
    (folder / "model.toml").write_text(_toml_text(_spec(fields)), "utf-8")
    return _trained(folder)


def with_trees(count: int, folder: Path) -> Scorer:
    """Train the project's own model with so many trees; fewer folds for its interval, which do not touch the answers' cost."""
    shutil.copytree(SPEC_PATH.parent / "data", folder / "data")
    text = SPEC_PATH.read_text("utf-8")
    text, changed = re.subn(r"(\[estimator\.boosting\][^\[]*\ntrees = )\d+", rf"\g<1>{count}", text)
    if not changed:
        raise ValueError("model.toml does not tell a number of trees in [estimator.boosting]")
    text = text.replace("[interval]\n", "[interval]\nfolds = 3\n")
    (folder / "model.toml").write_text(text, "utf-8")
    return _trained(folder)


def _trained(folder: Path) -> Scorer:
    # Gates judge quality, and these models are for their cost; what a gate refuses is listed all the same.
    reason = "Trained to measure its cost."
    train(_VERSION, report=lambda _line: None, spec_path=folder / "model.toml", trained=folder / "trained", override=reason)
    return load_scorer(_VERSION, folder / "trained")


def _field(number: int) -> dict[str, Any]:
    told = {"name": f"field{number}", "column": f"Field {number}", "section": "main", "label": f"Field {number}"}
    match number % 10:
        case 1 | 4 | 7:
            return {**told, "kind": "category", "choices": _CHOICES, "example": "a"}
        case 3 | 8:
            return {**told, "kind": "integer", "range": [0, 100], "trained": [0, 9], "example": 4}
    return {**told, "kind": "number", "range": [0, 1000], "trained": [5, 95], "example": 42.5}


def _spec(fields: list[dict[str, Any]]) -> dict[str, Any]:
    words = ("title", "noun", "action", "summary", "intended_use", "limits")
    return {
        "model": {"name": "generated", "task": "regression", **dict.fromkeys(words, "generated")},
        "target": {"column": "Target", "label": "Target"},
        "data": {"file": "rows.csv", "identity": ["Id"]},
        "section": [{"name": "main", "title": "Main"}],
        "field": fields,
        "estimator": {"seed": 7, "linear": {"weight": 4.0}, "boosting": {"trees": _TREES}},
        "interval": {"folds": 3},
    }


def _toml_text(tree: dict[str, Any]) -> str:
    return "".join(f"{key} = {_toml(value)}\n" for key, value in tree.items())


def _toml(value: object) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key} = {_toml(inner)}" for key, inner in value.items()) + "}"
    return "[" + ", ".join(map(_toml, value)) + "]" if isinstance(value, list) else json.dumps(value)


def records_for(scorer: Scorer, count: int) -> list[dict[str, Any]]:
    """Return so many valid records of a scorer, each a little different in its numbers."""
    own = scorer.spec.example()
    if set(own) == set(harness.real_records(1)[0]):
        return harness.real_records(count)
    numbers = [field.name for field in scorer.spec.field if field.kind == "number"]
    return [{**own, **{name: (row * 7 + place) % 950 / 10 + 0.05 for place, name in enumerate(numbers)}} for row in range(count)]
