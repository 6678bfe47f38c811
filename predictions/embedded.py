"""The one room that loads a release: once per process, after the fork, verified, and never at import."""

from __future__ import annotations

import logging
import threading
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from django.conf import settings

from ml_model.artifacts import Manifest, read_record, read_spec
from ml_model.errors import BundleRefused, ReleaseError
from ml_model.releases import OVERRIDE, Releases, live_version, read_releases
from ml_model.scoring import Scorer, load_scorer
from ml_model.spec import ModelSpec

_MOST_RELEASES = 64
"""Releases whose words are kept in memory."""
logger = logging.getLogger(__name__)
_lock = threading.Lock()


@dataclass(frozen=True, kw_only=True)
class ReleaseRecord:
    """What is on record about a release; nothing of it was executed to read this."""

    manifest: Manifest
    manifest_sha256: str
    plots: dict[str, str]
    """SVG by the name of its file; empty for a release of before there were plots."""


class ModelUnavailable(Exception):
    """There is no live release that may answer; the log and the system checks say why."""


@lru_cache(maxsize=1)
def _load(trained: Path) -> tuple[Scorer, str]:
    live = live_version(read_releases(trained))
    scorer = load_scorer(version=live.version, trained=trained)
    level = logging.WARNING if live.source == OVERRIDE else logging.INFO
    logger.log(level, "release %s of %s is loaded and verified, live by %s", scorer.version, scorer.spec.model.name, live.source)
    return scorer, live.source


def live() -> Scorer:
    """Return the live scorer of this process, loading it where that was not done yet; raise ModelUnavailable."""
    return _loaded()[0]


def live_by() -> str:
    """Return what says that the scorer of this process is live, ``releases.toml`` or ``INHOUSE_LIVE``; raise ModelUnavailable."""
    return _loaded()[1]


def is_overridden() -> bool:
    """Whether the scorer of this process is live by ``INHOUSE_LIVE``; raise ModelUnavailable."""
    return live_by() == OVERRIDE


def _loaded() -> tuple[Scorer, str]:
    with _lock:
        try:
            return _load(settings.MODEL_RELEASES)
        except (BundleRefused, ReleaseError) as error:
            _report(str(error))
            raise ModelUnavailable(str(error)) from error


@lru_cache(maxsize=1)
def _report(reason: str) -> None:
    """Log why no release is live, once: probes ask every second."""
    logger.error("no release is live: %s", reason)


def is_loaded() -> bool:
    """Whether this process holds its scorer."""
    return _load.cache_info().currsize > 0


def unload() -> None:
    """Forget the scorer and the specs, so that the next use reads the releases again."""
    _load.cache_clear()
    _report.cache_clear()
    _spec.cache_clear()
    _record.cache_clear()


def spec_of(model: str, version: str) -> ModelSpec | None:
    """Return the spec that a stored prediction was made under, or None where that release of that model is not shipped."""
    spec = _spec(settings.MODEL_RELEASES, version)
    return spec if spec and spec.model.name == model else None


def model_of(version: str) -> str | None:
    """Return the name of the model that a listed release is of, or None if its bundle cannot be read."""
    spec = _spec(settings.MODEL_RELEASES, version)
    return spec.model.name if spec else None


@lru_cache(maxsize=_MOST_RELEASES)
def _spec(trained: Path, version: str) -> ModelSpec | None:
    try:
        return read_spec(trained / version, read_releases(trained).manifest_of(version))
    except (BundleRefused, ReleaseError) as error:
        logger.warning("the words of release %s are not at hand: %s", version, error)
        return None


def record_of(model: str, version: str) -> ReleaseRecord | None:
    """Return what is on record about a release, or None where that release of that model is not shipped."""
    record = _record(settings.MODEL_RELEASES, version)
    return record if record and record.manifest.model == model else None


@lru_cache(maxsize=_MOST_RELEASES)
def _record(trained: Path, version: str) -> ReleaseRecord | None:
    try:
        listed = read_releases(trained).manifest_of(version)
        manifest, plots = read_record(trained / version, listed, ".svg")
    except (BundleRefused, ReleaseError) as error:
        logger.warning("the record of release %s is not at hand: %s", version, error)
        return None
    return ReleaseRecord(manifest=manifest, manifest_sha256=listed, plots=plots)


def releases() -> Releases:
    """Return the list of releases as it is now; raise ModelUnavailable where it cannot be read."""
    try:
        return read_releases(settings.MODEL_RELEASES)
    except ReleaseError as error:
        raise ModelUnavailable(str(error)) from error
