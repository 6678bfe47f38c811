"""The one room that loads a release: once per process, after the fork, verified, and never at import."""

from __future__ import annotations

import logging
import threading
from functools import lru_cache
from pathlib import Path

from django.conf import settings

from ml_model.artifacts import read_spec
from ml_model.errors import BundleRefused, ReleaseError
from ml_model.releases import read_releases
from ml_model.scoring import Scorer, load_scorer
from ml_model.spec import ModelSpec

logger = logging.getLogger(__name__)
_lock = threading.Lock()


class ModelUnavailable(Exception):
    """There is no live release that may answer; the log and the system checks say why."""


@lru_cache(maxsize=1)
def _load(trained: Path) -> Scorer:
    scorer = load_scorer(trained=trained)
    logger.info("release %s of %s is loaded and verified", scorer.version, scorer.spec.model.name)
    return scorer


def live() -> Scorer:
    """Return the live scorer of this process, loading it where that was not done yet; raise ModelUnavailable."""
    with _lock:
        try:
            return _load(settings.MODEL_RELEASES)
        except (BundleRefused, ReleaseError) as error:
            logger.error("no release is live: %s", error)  # noqa: TRY400  # the reason is one line; a traceback adds nothing
            raise ModelUnavailable(str(error)) from error


def is_loaded() -> bool:
    """Whether this process holds its scorer."""
    return _load.cache_info().currsize > 0


def unload() -> None:
    """Forget the scorer and the specs, so that the next use reads the releases again."""
    _load.cache_clear()
    _spec.cache_clear()


def spec_of(model: str, version: str) -> ModelSpec | None:
    """Return the spec that a stored prediction was made under, or None where that release of that model is not shipped."""
    spec = _spec(settings.MODEL_RELEASES, version)
    return spec if spec and spec.model.name == model else None


@lru_cache(maxsize=64)
def _spec(trained: Path, version: str) -> ModelSpec | None:
    try:
        return read_spec(trained / version, read_releases(trained).manifest_of(version))
    except (BundleRefused, ReleaseError) as error:
        logger.warning("the words of release %s are not at hand: %s", version, error)
        return None
