"""Save the live bundle as a model of MLflow: ``python -m benchmarks.peers.mlflow.save FOLDER``."""

import os
import sys

import mlflow
from mlflow.models import ModelSignature
from mlflow.types import ColSpec, Schema

from benchmarks.peers.common import load
from benchmarks.peers.mlflow.model import Served
from ml_model.tables import FieldTable


def column(field: FieldTable) -> ColSpec:
    """One field in the words of MLflow. An integer that may be unknown is a double, as pandas has it."""
    if field.choices:
        kind = "long" if any(isinstance(choice, int) for choice in field.codes) else "string"
    else:
        kind = {"number": "double", "integer": "long", "boolean": "boolean"}.get(field.kind, "string")
    return ColSpec("double" if kind == "long" and not field.required else kind, field.name, required=field.required)


def main() -> None:
    """Save it."""
    inputs = Schema([column(field) for field in load().spec.field])
    outputs = Schema([ColSpec("double", name) for name in ("value", "low", "high")])
    mlflow.pyfunc.save_model(
        sys.argv[1],
        python_model=Served(),
        artifacts={"bundle": os.environ["BUNDLE"]},
        signature=ModelSignature(inputs, outputs),
        pip_requirements=[],
    )


if __name__ == "__main__":
    main()
