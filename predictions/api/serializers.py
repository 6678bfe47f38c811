"""What the API shows of stored predictions and of the live release."""

from __future__ import annotations

from typing import Any

from django.urls import reverse
from rest_framework.request import Request

from ml_model.artifacts import Manifest
from ml_model.scoring import Scorer
from predictions import embedded
from predictions.models import Prediction


def represent(prediction: Prediction, request: Request) -> dict[str, Any]:
    """One prediction as JSON; a number has its unit and interval, a class the probabilities of all."""
    return {
        "id": str(prediction.id),
        "url": request.build_absolute_uri(reverse("api:prediction", args=[prediction.id])),
        "created_at": prediction.created_at,
        "source": prediction.source,
        "model": {"name": prediction.model_name, "version": prediction.model_version},
        **_answer(prediction),
        "warnings": prediction.warnings,
        "inputs": prediction.inputs,
    }


def _answer(prediction: Prediction) -> dict[str, Any]:
    if prediction.value is None:
        return {"label": prediction.label, "probabilities": prediction.probabilities}
    spec = embedded.spec_of(prediction.model_name, prediction.model_version)
    return {
        "value": prediction.value,
        "unit": spec.target.unit if spec else None,
        "interval": {"low": prediction.low, "high": prediction.high, "level": prediction.level},
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


def represent_model(scorer: Scorer, request: Request) -> dict[str, Any]:
    """The live release: what it predicts, for whom, how well, and where it comes from."""
    spec, manifest = scorer.spec, scorer.manifest
    target = spec.target
    return {
        "name": spec.model.name,
        "title": spec.model.title,
        "version": scorer.version,
        "live_by": embedded.live_by(),
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
