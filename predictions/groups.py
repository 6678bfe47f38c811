"""The group of those who review predictions, and do nothing else."""

from __future__ import annotations

from typing import Any

from django.apps import AppConfig
from django.apps import apps as installed_apps
from django.apps.registry import Apps
from django.contrib.auth.management import create_permissions

REVIEWERS = "Reviewer"
_MAY = ("view_prediction", "change_prediction")


def make_reviewer_group(app_config: AppConfig, using: str, apps: Apps = installed_apps, **_: Any) -> None:
    """Make the group where it is missing; a group that is there keeps the permissions that an administrator gave it."""
    # Not a data migration: in a fresh database permissions come into being after the last migration, by the same signal,
    # and a flushed database (as between tests) gets its rows back by this signal alone. The order of the receivers is that
    # of INSTALLED_APPS, so the permissions are asked for here; asking twice makes none twice.
    create_permissions(app_config, verbosity=0, using=using, apps=apps)
    try:
        groups = apps.get_model("auth", "Group").objects.using(using)
        permissions = apps.get_model("auth", "Permission").objects.using(using)
    except LookupError:
        return
    granted = permissions.filter(content_type__app_label=app_config.label, codename__in=_MAY)
    if len(granted) == len(_MAY) and not groups.filter(name=REVIEWERS).exists():
        groups.create(name=REVIEWERS).permissions.set(granted)
