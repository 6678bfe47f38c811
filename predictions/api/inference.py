"""The Open Inference Protocol (version 2, over HTTP): many records by column, as other model servers take and give them.

A field is an input tensor of shape [n] or [n, 1], and what the field's kind is decides its datatypes; null is "not known". An
answer is a set of output tensors. What is answered is stored, as at every other door.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ml_model.errors import FieldError, RecordsRefused, nearest
from ml_model.spec import ModelSpec
from ml_model.tables import NUMERIC, FieldTable
from predictions.storing import NewPredictions

_WHOLE = ("INT64", "INT8", "INT16", "INT32", "UINT8", "UINT16", "UINT32", "UINT64")
_DECIMAL = ("FP64", "FP32", "FP16")


def datatypes_of(field: FieldTable) -> tuple[str, ...]:
    """Return the datatypes that a field may have, the one that its metadata names first."""
    if field.kind in NUMERIC:
        return (*_WHOLE, *_DECIMAL) if field.kind == "integer" else (*_DECIMAL, *_WHOLE)
    if field.kind == "boolean":
        return ("BOOL",)
    return _WHOLE if any(isinstance(choice, int) for choice in field.codes) else ("BYTES",)


def metadata_of(spec: ModelSpec, version: str) -> dict[str, Any]:
    """Return the metadata of a release as the protocol writes them."""
    return {
        "name": spec.model.name,
        "versions": [version],
        "platform": "inhouse",
        "inputs": [{"name": field.name, "datatype": datatypes_of(field)[0], "shape": [-1]} for field in spec.field],
        "outputs": [{"name": name, "datatype": datatype, "shape": shape} for name, datatype, shape in _outputs(spec)],
    }


def _outputs(spec: ModelSpec) -> list[tuple[str, str, list[int]]]:
    if spec.is_regression:
        answers = [("value", "FP64", [-1]), ("low", "FP64", [-1]), ("high", "FP64", [-1])]
    else:
        answers = [("label", "BYTES", [-1]), ("probabilities", "FP64", [-1, len(spec.classes)])]
    return [*answers, ("warnings", "INT32", [-1]), ("id", "BYTES", [-1])]


def read_columns(spec: ModelSpec, body: object) -> tuple[dict[str, Sequence[object]], list[FieldError]]:
    """Return the columns that a request holds by field name, and its faults; with faults the columns are worth nothing."""
    inputs = body.get("inputs") if isinstance(body, dict) else None
    if not isinstance(inputs, list) or not inputs:
        detail = "Send one object with 'inputs', a list of one or more tensors."
        return {}, [FieldError(pointer="/inputs", code="list", detail=detail)]
    columns: dict[str, Sequence[object]] = {}
    faults = []
    for position, tensor in enumerate(inputs):
        fault, name, data = _read_tensor(spec, tensor)
        if not fault and name in columns:
            fault = ("list", f"The input '{name}' stands twice.")
        if fault:
            faults.append(FieldError(pointer=f"/inputs/{position}", code=fault[0], detail=fault[1]))
        columns[name] = data
    lengths = {len(data) for data in columns.values()}
    if not faults and len(lengths) > 1:
        faults.append(FieldError(pointer="/inputs", code="list", detail="All inputs must have the same number of rows."))
    return columns, faults


def _read_tensor(spec: ModelSpec, tensor: object) -> tuple[tuple[str, str] | None, str, Sequence[object]]:
    if not isinstance(tensor, dict) or not isinstance(tensor.get("name"), str) or not isinstance(tensor.get("data"), list):
        return ("record", "Send a tensor as an object with 'name', 'datatype', 'shape' and 'data'."), "", []
    name, shape, data = tensor["name"], tensor.get("shape"), tensor["data"]
    if name not in spec.fields:
        return ("unknown_field", f"There is no field '{name[:80]}'.{nearest(name[:80], spec.fields)}"), name, data
    known = datatypes_of(spec.fields[name])
    if tensor.get("datatype") not in known:
        wanted = f"{known[0]} or another number" if len(known) > 1 else known[0]
        return ("datatype", f"The datatype of '{name}' must be {wanted}."), name, data
    if shape == [len(data), 1]:
        rows = [row[0] if isinstance(row, list) and len(row) == 1 else row for row in data]
        return None, name, rows
    if shape != [len(data)] or not data:
        return ("shape", f"The shape of '{name}' must be [n] or [n, 1], and 'data' must hold n values, one or more."), name, data
    return None, name, data


def faults_of(body: Any, refused: RecordsRefused) -> list[FieldError]:
    """Return the faults of rows with pointers into the tensors of a request."""
    places = {tensor["name"]: position for position, tensor in enumerate(body["inputs"])}
    found = []
    for row, errors in refused.errors_by_row.items():
        for error in errors:
            place = places.get(error.field)
            pointer = "/inputs" if place is None else f"/inputs/{place}/data/{row}"
            found.append(FieldError(pointer=pointer, code=error.code, detail=error.detail))
    return found


def answer_of(spec: ModelSpec, body: Mapping[str, Any], stored: Sequence[NewPredictions]) -> dict[str, Any]:
    """Return the answer to a request: its output tensors, in the order of the rows."""
    data: dict[str, list[Any]] = {name: [] for name in ("value", "low", "high", "label", "probabilities", "warnings", "id")}
    for part in stored:
        data["value"] += part.values
        data["low"] += part.lows
        data["high"] += part.highs
        data["label"] += part.labels
        data["probabilities"] += [share for shares in part.probabilities for share in (shares or {}).values()]
        data["warnings"] += [len(part.warnings.get(row, ())) for row in range(len(part.ids))]
        data["id"] += part.ids
    outputs = [
        {"name": name, "datatype": datatype, "shape": [len(data["id"]), *shape[1:]], "data": data[name]}
        for name, datatype, shape in _outputs(spec)
    ]
    answer = {"model_name": stored[0].model_name, "model_version": stored[0].model_version, "outputs": outputs}
    return {"id": body["id"], **answer} if isinstance(body.get("id"), str) else answer
