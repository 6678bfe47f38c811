"""What every page shows of the live model."""

from __future__ import annotations

from django.http import HttpRequest
from django.utils.functional import SimpleLazyObject

from predictions import embedded


def site(request: HttpRequest) -> dict[str, object]:  # noqa: ARG001  # Django gives it
    """Context processor: ``site`` holds the title and version of the live model, and is empty where none is live."""
    return {"site": SimpleLazyObject(_site)}


def _site() -> dict[str, str]:
    try:
        scorer, overridden_by = embedded.live(), embedded.live_by() if embedded.is_overridden() else ""
    except embedded.ModelUnavailable:
        return {}
    return {
        "title": scorer.spec.model.title,
        "noun": scorer.spec.model.noun,
        "version": scorer.version,
        "overridden_by": overridden_by,
    }
