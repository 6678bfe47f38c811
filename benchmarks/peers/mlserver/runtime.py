"""MLServer: the same estimators behind columns of the Open Inference Protocol; it checks the shape of a request and no value."""

from mlserver import MLModel
from mlserver.types import InferenceRequest, InferenceResponse, ResponseOutput

from benchmarks.peers.common import Model, load


class Bundle(MLModel):
    """One release as a runtime of MLServer."""

    async def load(self) -> bool:
        """Open it, in each of the workers."""
        self._model: Model = load()
        return True

    async def predict(self, payload: InferenceRequest) -> InferenceResponse:
        """Answer all rows by one call of each estimator."""
        columns = {one.name: list(one.data) for one in payload.inputs}
        outputs = [
            ResponseOutput(name=name, datatype="FP64", shape=[len(data)], data=list(data))
            for name, data in zip(("value", "low", "high"), zip(*self._model.predict_columns(columns), strict=True), strict=True)
        ]
        return InferenceResponse(model_name=self.name, outputs=outputs)
