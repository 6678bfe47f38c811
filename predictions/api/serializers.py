"""What the API shows of stored predictions and of the live release."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from functools import lru_cache
from typing import Any

import orjson
from django.http import HttpRequest
from django.urls import reverse

from ml_model.artifacts import Manifest
from ml_model.scoring import Scorer
from predictions import embedded
from predictions.models import Prediction
from predictions.presentation import bound
from predictions.storing import NewPrediction, NewPredictions

_Common = tuple[str, dt.datetime, str, dict[str, str]]


def represent(prediction: Prediction | NewPrediction, request: HttpRequest) -> dict[str, Any]:
    """One prediction as JSON; a number has its unit and interval, a class the probabilities of all."""
    model = {"name": prediction.model_name, "version": prediction.model_version}
    common = (_address(request), prediction.created_at, prediction.source, model)
    if prediction.value is None:
        answer: dict[str, Any] = {"label": prediction.label, "probabilities": prediction.probabilities}
    else:
        unit = _unit(prediction.model_name, prediction.model_version)
        answer = _number(prediction.value, unit, bound(prediction.low), bound(prediction.high), prediction.level)
    return {**_shown(common, str(prediction.id), answer, prediction.warnings), "inputs": prediction.inputs}


def represent_stored(parts: Iterable[NewPredictions], request: HttpRequest) -> orjson.Fragment:
    """Predictions that were stored together as a JSON array, in order, each as ``represent`` shows it but for its inputs.

    They were sent a moment ago, and would be two thirds of the answer. Each part is written while the processor's cache holds it,
    and nothing of it is left to the collector but its text.
    """
    texts = (orjson.dumps(_shown_together(part, request), option=orjson.OPT_UTC_Z)[1:-1] for part in parts)
    return orjson.Fragment(b"[" + b",".join(texts) + b"]")


def _shown_together(new: NewPredictions, request: HttpRequest) -> list[dict[str, Any]]:
    common = (_address(request), new.created_at, new.source, {"name": new.model_name, "version": new.model_version})
    unit, level = _unit(new.model_name, new.model_version), new.level
    answers: Iterable[dict[str, Any]]
    if level is None:
        answers = ({"label": label, "probabilities": shares} for label, shares in zip(new.labels, new.probabilities, strict=True))
    else:
        numbers = zip(new.values, new.lows, new.highs, strict=True)
        answers = (_number(value, unit, low, high, level) for value, low, high in numbers)
    rows = enumerate(zip(new.ids, answers, strict=True))
    return [_shown(common, key, answer, new.warnings.get(row, [])) for row, (key, answer) in rows]


@lru_cache
def _path(script: str) -> str:  # noqa: ARG001  # what is reversed begins with it
    return reverse("api:predictions")


def _address(request: HttpRequest) -> str:
    """Return the address that those of predictions begin with; to resolve it takes longer than all the rest of one of them."""
    meta = request.META
    # That the site is called so was checked before any view was called; ``get_host`` would check it again.
    host = meta.get("HTTP_HOST") or request.get_host()
    return f"{request.scheme}://{host}{_path(meta.get('SCRIPT_NAME', ''))}"


def _unit(name: str, version: str) -> str | None:
    spec = embedded.spec_of(name, version)
    return spec.target.unit if spec else None


def _number(value: float | None, unit: str | None, low: float | None, high: float | None, level: float | None) -> dict[str, Any]:
    return {"value": value, "unit": unit, "interval": {"low": low, "high": high, "level": level}}


def _shown(common: _Common, key: str, answer: dict[str, Any], warnings: list[dict[str, str]]) -> dict[str, Any]:
    address, created_at, source, model = common
    return {
        "id": key,
        "url": f"{address}{key}/",
        "created_at": created_at,
        "source": source,
        "model": model,
        **answer,
        "warnings": warnings,
    }


def _digests(manifest: Manifest) -> dict[str, Any]:
    """SHA-256 of everything that the release is made of."""
    record = embedded.record_of(manifest.model, manifest.version)
    return {
        "manifest": record.manifest_sha256 if record else None,
        "spec": manifest.spec_sha256,
        "data": manifest.data.sha256,
        "files": manifest.files,
    }


def represent_model(scorer: Scorer, request: HttpRequest) -> dict[str, Any]:
    """The live release: what it predicts, for whom, how well, and where it comes from."""
    spec, manifest = scorer.spec, scorer.manifest
    target = spec.target
    return {
        "name": spec.model.name,
        "title": spec.model.title,
        "version": scorer.version,
        "live_by": embedded.live_by(),
        "runtime": scorer.runtime,
        "task": spec.model.task,
        "summary": spec.model.summary,
        "intended_use": spec.model.intended_use,
        "limits": spec.model.limits,
        "target": {
            "label": target.label,
            **({"unit": target.unit} if spec.is_regression else {"classes": dict(target.classes)}),
        },
        "fields": len(spec.field),
        "metrics": {name: metric.model_dump() for name, metric in manifest.metrics.items()},
        "slices": {name: part.model_dump() for name, part in manifest.slices.items()},
        "gates": [gate.model_dump() for gate in manifest.gates],
        "compared_with": manifest.compared_with,
        "hyperparameters": manifest.hyperparameters,
        "digests": _digests(manifest),
        "provenance": manifest.model_dump(include={"trained_at", "seed", "spec_sha256", "data", "code", "python", "libraries"}),
        "links": {
            "schema": request.build_absolute_uri(reverse("api:schema")),
            "predictions": request.build_absolute_uri(reverse("api:predictions")),
            "bulk": request.build_absolute_uri(reverse("api:bulk")),
        },
    }
