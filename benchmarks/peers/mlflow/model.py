"""The bundle as a model of MLflow; ``python -m benchmarks.peers.mlflow.save FOLDER`` writes it for ``mlflow models serve``."""

from pathlib import Path
from typing import Any

import pandas as pd
from mlflow.pyfunc import PythonModel

from benchmarks.peers.common import Model


class Served(PythonModel):
    """Frames of records to frames of answers."""

    def load_context(self, context: Any) -> None:
        """Open the bundle that was saved with the model."""
        self.model = Model(Path(context.artifacts["bundle"]))

    def predict(self, context: Any, model_input: pd.DataFrame, params: dict[str, Any] | None = None) -> pd.DataFrame:  # noqa: ARG002
        """Answer every row; MLflow has checked the types against the signature."""
        records = model_input.astype(object).where(model_input.notna(), None).to_dict("records")
        return pd.DataFrame(self.model.predict(records), columns=["value", "low", "high"])
