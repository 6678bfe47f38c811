"""What the API shows of stored predictions and of the live release."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from typing import Any

from django.urls import get_script_prefix, reverse
from rest_framework.request import Request

from ml_model.artifacts import Manifest
from ml_model.scoring import Scorer
from predictions import embedded
from predictions.models import Prediction
from predictions.storing import NewPrediction


def represent(prediction: Prediction | NewPrediction, request: Request) -> dict[str, Any]:
    """One prediction as JSON; a number has its unit and interval, a class the probabilities of all."""
    return represent_many([prediction], request)[0]


@lru_cache
def _path(prefix: str) -> str:  # noqa: ARG001  # the path begins with it
    return reverse("api:predictions")


def represent_many(predictions: Iterable[Prediction | NewPrediction], request: Request) -> list[dict[str, Any]]:
    """Several predictions as JSON, in order."""
    # Once for all of them: to resolve an address takes longer than all the rest of one prediction.
    address = request.build_absolute_uri(_path(get_script_prefix()))
    units: dict[tuple[str, str], str | None] = {}
    shown = []
    for one in predictions:
        release = (one.model_name, one.model_version)
        if release not in units:
            spec = embedded.spec_of(*release)
            units[release] = spec.target.unit if spec else None
        shown.append(
            {
                "id": str(one.id),
                "url": f"{address}{one.id}/",
                "created_at": one.created_at,
                "source": one.source,
                "model": {"name": one.model_name, "version": one.model_version},
                **_answer(one, units[release]),
                "warnings": one.warnings,
                "inputs": one.inputs,
            }
        )
    return shown


def _answer(one: Prediction | NewPrediction, unit: str | None) -> dict[str, Any]:
    if one.value is None:
        return {"label": one.label, "probabilities": one.probabilities}
    return {"value": one.value, "unit": unit, "interval": {"low": one.low, "high": one.high, "level": one.level}}


def _digests(manifest: Manifest) -> dict[str, Any]:
    """SHA-256 of everything that the release is made of."""
    record = embedded.record_of(manifest.model, manifest.version)
    return {
        "manifest": record.manifest_sha256 if record else None,
        "spec": manifest.spec_sha256,
        "data": manifest.data.sha256,
        "files": manifest.files,
    }


def represent_model(scorer: Scorer, request: Request) -> dict[str, Any]:
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
