"""The Django app."""

from django.apps import AppConfig
from django.contrib.admin import apps as admin_apps
from django.core.signals import request_finished
from django.db.models.signals import post_migrate


class PredictionsConfig(AppConfig):
    """Predictions and their review."""

    name = "predictions"
    default = True

    def ready(self) -> None:
        """Register the system checks, the making of the reviewers' group, and what waits for an answer to be on its way."""
        from predictions import checks  # noqa: F401  # importing registers them, which must wait for the app registry
        from predictions.groups import make_reviewer_group
        from predictions.sqlite import checkpoint
        from predictions.token_uses import write

        post_migrate.connect(make_reviewer_group, sender=self, dispatch_uid="predictions.make_reviewer_group")
        request_finished.connect(checkpoint, dispatch_uid="predictions.checkpoint")
        request_finished.connect(write, dispatch_uid="predictions.token_uses")


class AdminConfig(admin_apps.AdminConfig):
    """Django's admin with the site of this app."""

    default = False
    default_site = "predictions.admin_site.Site"
