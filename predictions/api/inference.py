"""The Open Inference Protocol (version 2, over HTTP): many records by column, as other model servers take and give them.

A field is an input tensor of shape [n] or [n, 1], and what the field's kind is decides its datatypes; null is "not known". An
answer is a set of output tensors. What is answered is stored, as at every other door.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from ml_model.errors import FieldError, Hints, RecordsRefused
from ml_model.spec import ModelSpec
from ml_model.tables import NUMERIC, FieldTable
from predictions.storing import NewPredictions

SERVER = "inhouse"
_MOST_TENSORS = 1_000
"""More than any model has inputs or outputs."""
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
    """Return the metadata of a release as the protocol writes them; probabilities come with the order of the classes."""
    outputs: list[dict[str, Any]] = [
        {"name": name, "datatype": datatype, "shape": shape} for name, datatype, shape in _outputs(spec)
    ]
    for output in outputs:
        if output["name"] == "probabilities":
            output["parameters"] = {"classes": list(spec.classes)}
    return {
        "name": spec.model.name,
        "versions": [version],
        "platform": SERVER,
        "inputs": [{"name": field.name, "datatype": datatypes_of(field)[0], "shape": [-1]} for field in spec.field],
        "outputs": outputs,
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
        return {}, [_refused("/inputs", "Send one object with 'inputs', a list of one or more tensors.")]
    if len(inputs) > _MOST_TENSORS:
        return {}, [_refused("/inputs", f"There are {len(inputs)} inputs; this model has {len(spec.field)}.")]
    columns: dict[str, Sequence[object]] = {}
    faults, hints = [], Hints()
    for position, tensor in enumerate(inputs):
        fault, name, data = _read_tensor(spec, tensor, hints)
        if not fault and name in columns:
            fault = ("list", f"The input '{name}' stands twice.")
        if fault:
            faults.append(FieldError(pointer=f"/inputs/{position}", code=fault[0], detail=fault[1]))
        columns[name] = data
    lengths = {len(data) for data in columns.values()}
    if not faults and len(lengths) > 1:
        faults.append(_refused("/inputs", "All inputs must have the same number of rows."))
    missing = [field for field in spec.field if field.required and field.name not in columns]
    faults += [_refused("/inputs", f"The input '{one.name}' is missing ({one.label}).", code="required") for one in missing]
    return columns, faults + _faults_of_outputs(spec, body)


def _faults_of_outputs(spec: ModelSpec, body: Any) -> list[FieldError]:
    wanted, known = body.get("outputs") or [], [name for name, *_ in _outputs(spec)]
    if not isinstance(wanted, list) or len(wanted) > _MOST_TENSORS:
        return [_refused("/outputs", f"Send in 'outputs' a list of objects with a 'name': {', '.join(known)}.")]
    faults, seen = [], set()
    for position, tensor in enumerate(wanted):
        name = tensor.get("name") if isinstance(tensor, dict) else None
        if name not in known:
            detail = f"Send an object with the 'name' of an output: {', '.join(known)}."
            faults.append(_refused(f"/outputs/{position}", detail, code="choice"))
        elif name in seen:
            faults.append(_refused(f"/outputs/{position}", f"The output '{name}' stands twice."))
        elif "classification" in _parameters(tensor):
            detail = "The parameter 'classification' is not supported; ask for 'label' and 'probabilities'."
            faults.append(_refused(f"/outputs/{position}/parameters", detail, code="parameter"))
        seen.add(str(name))
    return faults


def _refused(pointer: str, detail: str, *, code: str = "list") -> FieldError:
    return FieldError(pointer=pointer, code=code, detail=detail)


def _parameters(tensor: dict[str, Any]) -> dict[str, Any]:
    parameters = tensor.get("parameters")
    return parameters if isinstance(parameters, dict) else {}


def _read_tensor(spec: ModelSpec, tensor: object, hints: Hints) -> tuple[tuple[str, str] | None, str, Sequence[object]]:
    if isinstance(tensor, dict) and "binary_data_size" in _parameters(tensor):
        return ("binary", "Binary tensors are not supported; send the values as JSON in 'data'."), str(tensor.get("name")), []
    if not isinstance(tensor, dict) or not isinstance(tensor.get("name"), str) or not isinstance(tensor.get("data"), list):
        return ("record", "Send a tensor as an object with 'name', 'datatype', 'shape' and 'data'."), "", []
    name, shape, data = tensor["name"], tensor.get("shape"), tensor["data"]
    if name not in spec.fields:
        return ("unknown_field", f"There is no field '{name[:80]}'.{hints.nearest(name, spec.fields)}"), name, data
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


def faults_of(body: Any, refused: RecordsRefused) -> Iterator[FieldError]:
    """Yield the faults of rows with pointers into the tensors of a request."""
    places = {tensor["name"]: position for position, tensor in enumerate(body["inputs"])}
    for row, errors in refused.errors_by_row.items():
        for error in errors:
            if error.field in places:
                yield replace(error, pointer=f"/inputs/{places[error.field]}/data/{row}")
            else:
                yield replace(error, pointer="/inputs", detail=f"Row {row}: {error.detail}")


def answer_of(spec: ModelSpec, body: Mapping[str, Any], stored: Sequence[NewPredictions]) -> dict[str, Any]:
    """Return the answer to a request: the output tensors that it asks for, or all, each in the order of the rows."""
    data: dict[str, list[Any]] = {name: [] for name in ("value", "low", "high", "label", "probabilities", "warnings", "id")}
    for part in stored:
        data["value"] += part.values
        data["low"] += part.lows
        data["high"] += part.highs
        data["label"] += part.labels
        data["probabilities"] += [share for shares in part.probabilities for share in (shares or {}).values()]
        data["warnings"] += [len(part.warnings.get(row, ())) for row in range(len(part.ids))]
        data["id"] += part.ids
    outputs = {
        name: {"name": name, "datatype": datatype, "shape": [len(data["id"]), *shape[1:]], "data": data[name]}
        for name, datatype, shape in _outputs(spec)
    }
    wanted = [tensor["name"] for tensor in body.get("outputs") or ()] or list(outputs)
    answer: dict[str, Any] = {"model_name": stored[0].model_name, "model_version": stored[0].model_version}
    answer["outputs"] = [outputs[name] for name in wanted]
    return {"id": body["id"], **answer} if isinstance(body.get("id"), str) else answer
