"""The page of the model: what it predicts, for whom, from what, how well, and where not to trust it."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.safestring import mark_safe
from django.views.decorators.http import require_safe

from ml_model.figures import CALIBRATION, RESIDUALS
from predictions import embedded, release_words
from predictions.views import answering


@require_safe
@answering
def model(request: HttpRequest) -> HttpResponse:
    """The card of the live release."""
    scorer = embedded.live()
    spec, manifest = scorer.spec, scorer.manifest
    record, listed = embedded.record_of(scorer.manifest.model, scorer.version), embedded.releases()
    # Verified by its digest like the rest of the bundle, which is code of this project: it holds the model itself.
    plots = {name: mark_safe(plot) for name, plot in record.plots.items()} if record else {}  # noqa: S308
    passed = sum(gate.passed for gate in manifest.gates)
    shown = {
        "model": spec.model,
        "target": spec.target,
        "manifest": manifest,
        "is_regression": spec.is_regression,
        "field_count": len(spec.field),
        "tiles": release_words.tiles(spec, manifest),
        "metrics": release_words.metrics(spec, manifest),
        "slices": release_words.slices(spec, manifest) if manifest.slices else None,
        "residuals": plots.get(RESIDUALS),
        "calibration": plots.get(CALIBRATION),
        "gates": release_words.gates(manifest.gates),
        "passed": passed,
        "failed": len(manifest.gates) - passed,
        "provenance": release_words.provenance(manifest),
        "environment": release_words.environment(manifest),
        "hyperparameters": release_words.hyperparameters(manifest),
        "changes": release_words.change_table(release_words.changes(manifest)),
        "releases": release_words.releases(listed, spec.model.name, scorer.version),
        "history": release_words.history(listed),
    }
    return render(request, "predictions/model.html", shown)
