"""System checks: what would keep this project from answering, and how to mend it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, register

from ml_model.errors import ModelError
from ml_model.releases import read_releases
from ml_model.scoring import load_scorer


@register(Tags.compatibility)
def live_release(**_: Any) -> Sequence[CheckMessage]:
    """E001: no release is live. E002: the live release is refused."""
    try:
        releases = read_releases(settings.MODEL_RELEASES)
    except ModelError as error:
        return [Error(str(error), hint="Restore ml_model/trained/releases.toml from version control.", id="predictions.E002")]
    if not releases.live:
        hint = "Run 'python -m ml_model train', or 'python -m ml_model promote VERSION' where one is trained."
        return [Error("No release of the model is live.", hint=hint, id="predictions.E001")]
    try:
        load_scorer(trained=settings.MODEL_RELEASES)
    except ModelError as error:
        hint = "Run 'python -m ml_model verify'; restore the release from version control or promote another one."
        return [Error(str(error), hint=hint, id="predictions.E002")]
    return []
