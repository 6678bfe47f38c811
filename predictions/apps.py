"""The Django app."""

from django.apps import AppConfig
from django.db.models.signals import post_migrate


class PredictionsConfig(AppConfig):
    """Predictions and their review."""

    name = "predictions"

    def ready(self) -> None:
        """Register the system checks and the making of the reviewers' group."""
        from predictions import checks  # noqa: F401  # importing registers them, which must wait for the app registry
        from predictions.groups import make_reviewer_group

        post_migrate.connect(make_reviewer_group, sender=self, dispatch_uid="predictions.make_reviewer_group")
