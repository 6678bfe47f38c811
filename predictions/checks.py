"""System checks: what would keep this project from answering, and how to mend it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.conf import settings
from django.core.checks import WARNING, CheckMessage, Error, Tags, register

from ml_model.artifacts import COMPILED
from ml_model.compiled import RUNTIME
from ml_model.errors import ModelError
from ml_model.releases import OVERRIDE, live_version, read_releases
from ml_model.scoring import load_scorer

_NONE_LIVE = "Run 'python -m ml_model train', or 'python -m ml_model promote VERSION' where one is trained."
_REFUSED = "Run 'python -m ml_model verify'; restore the release from version control, or run 'python -m ml_model rollback'."
_UNLISTED = f"Set {OVERRIDE} to one of the releases that 'python -m ml_model list' prints, or unset it."
_OVERRIDDEN = f"Make it live by 'python -m ml_model promote' or 'rollback', and unset {OVERRIDE}."

_UNPROVED = f"Install the {RUNTIME} that its manifest names, or train a release with this one."


@register(Tags.compatibility)
def live_release(**_: Any) -> Sequence[CheckMessage]:
    """E001: no release is live. E002: the live release is refused. E003: INHOUSE_LIVE is wrong.

    W001: INHOUSE_LIVE acts. W002: the compiled form does not answer.
    """
    try:
        releases = read_releases(settings.MODEL_RELEASES)
    except ModelError as error:
        return [Error(str(error), hint="Restore ml_model/trained/releases.toml from version control.", id="predictions.E002")]
    try:
        live = live_version(releases)
    except ModelError as error:
        return [Error(str(error), hint=_UNLISTED, id="predictions.E003")]
    if not live.version:
        return [Error("No release of the model is live.", hint=_NONE_LIVE, id="predictions.E001")]
    found: list[CheckMessage] = []
    if live.source == OVERRIDE:
        message = f"Release {live.version} is live by {OVERRIDE}, and not '{releases.live}' of releases.toml."
        found.append(CheckMessage(WARNING, message, hint=_OVERRIDDEN, id="predictions.W001"))
    try:
        scorer = load_scorer(version=live.version, trained=settings.MODEL_RELEASES)
        if COMPILED in scorer.manifest.files and scorer.runtime != RUNTIME:
            message = f"Release {live.version} was compiled and proved for another {RUNTIME}; scikit-learn answers, more slowly."
            found.append(CheckMessage(WARNING, message, hint=_UNPROVED, id="predictions.W002"))
    except ModelError as error:
        found.append(Error(str(error), hint=_REFUSED, id="predictions.E002"))
    return found
