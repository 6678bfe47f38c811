"""The Django app."""

from django.apps import AppConfig


class PredictionsConfig(AppConfig):
    """Predictions and their review."""

    name = "predictions"

    def ready(self) -> None:
        """Register the system checks."""
        from predictions import checks  # noqa: F401  # importing registers them, which must wait for the app registry
