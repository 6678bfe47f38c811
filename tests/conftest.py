"""What all tests share."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from django.conf import settings as django_settings
from django.test.utils import override_settings


@pytest.fixture(scope="session", autouse=True)
def _static_files_as_they_are(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Serve static files from their places, so that no test depends on a collectstatic that somebody ran before."""
    storages = {**django_settings.STORAGES, "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}}
    collected: Path = tmp_path_factory.mktemp("staticfiles")
    with override_settings(STORAGES=storages, STATIC_ROOT=collected):
        yield
