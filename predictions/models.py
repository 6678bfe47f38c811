"""Stored facts: what was asked, what was answered, what a reviewer said and what really happened.

The columns know no model: inputs are JSON, an answer is a number or a label. So no retraining makes a migration.
"""

from __future__ import annotations

import datetime as dt
from uuid import UUID

from django.conf import settings
from django.contrib.auth.models import AbstractBaseUser, AnonymousUser
from django.db import models
from django.db.models.expressions import RawSQL
from django.utils import timezone
from knox.models import AuthToken
from uuid_utils import compat, uuid7

# Written out, because SQLite does not see that a parameter is what the index of the form's rows is about.
_BY_FORM = RawSQL(  # nothing of a caller is in it
    '"predictions_prediction"."source" = \'form\'', [], output_field=models.BooleanField()
)


def first_key(instant: dt.datetime) -> UUID:
    """Return a key before all that are made from an instant on: a UUIDv7 begins with the milliseconds since 1970 (RFC 9562)."""
    return UUID(int=max(int(instant.timestamp() * 1000), 0) << 80)


def key_at(instant: dt.datetime) -> str:
    """Return a new key: a UUID of version 7 with the time of ``instant`` to the microsecond (RFC 9562, method 3).

    Without a time the generator goes on from its last one while a clock is put back, and rows would not be found under their day.
    """
    microseconds = max(int(instant.timestamp() * 1_000_000), 0)
    key = str(uuid7(nanoseconds=microseconds * 1000))
    return f"{key[:15]}{microseconds % 1000 * 4096 // 1000:03x}{key[18:]}"


def keys_at(instant: dt.datetime, count: int) -> list[str]:
    """Return so many new keys with the time of ``instant``, in rising order: they are counted from a random one."""
    first = key_at(instant)
    head, number = first[:19], int("8" + first[20:23] + first[24:], 16)
    tails = (f"{tail:016x}" for tail in range(number, number + count))
    return [f"{head}{tail[:4]}-{tail[4:]}" for tail in tails]


class PredictionQuerySet(models.QuerySet["Prediction"]):
    """Queries over stored predictions."""

    def by_source(self, source: str) -> PredictionQuerySet:
        """Return the predictions that were asked for through one door."""
        return self.filter(_BY_FORM if source == Prediction.Source.FORM else models.Q(source=source))

    def visible_to(self, user: AbstractBaseUser | AnonymousUser, visitor: str = "") -> PredictionQuerySet:
        """Return what a user, or a visitor of one session, may see: their own, or all for those with the permission."""
        if user.is_authenticated and user.has_perm("predictions.view_prediction"):  # type: ignore[attr-defined]
            return self.all()
        return self.made_by(user, visitor)

    def made_by(self, user: AbstractBaseUser | AnonymousUser, visitor: str = "") -> PredictionQuerySet:
        """Return the predictions that a user, or a visitor without an account, asked for."""
        # The key of a visitor outlives a log-out, so it never opens what was asked by a user.
        as_visitor = models.Q(visitor=visitor, user=None)
        if user.is_authenticated:
            return self.filter(models.Q(user=user) | (as_visitor if visitor else models.Q()))
        return self.filter(as_visitor) if visitor else self.none()


class Prediction(models.Model):
    """One answered record, and its review."""

    class Source(models.TextChoices):
        FORM = "form", "Form"
        API = "api", "API"
        BULK = "bulk", "API, bulk"

    class Review(models.TextChoices):
        OPEN = "open", "Not reviewed"
        APPROVED = "approved", "Approved"
        CORRECTED = "corrected", "Corrected"
        REJECTED = "rejected", "Rejected"

    id = models.UUIDField(primary_key=True, default=compat.uuid7, editable=False)
    created_at = models.DateTimeField("time", default=timezone.now, editable=False)
    source = models.CharField(max_length=8, choices=Source.choices, editable=False)
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.SET_NULL,
        null=True,
        blank=True,
        related_name="predictions",
        editable=False,
        db_index=False,
    )
    visitor = models.CharField(max_length=32, null=True, editable=False, help_text="Key of the anonymous session that asked.")
    submission = models.CharField(
        max_length=80, null=True, editable=False, help_text="Key of one submission; a repeated one is stored once."
    )
    model_name = models.CharField("model", max_length=64, editable=False)
    model_version = models.CharField("version", max_length=64, editable=False)
    inputs = models.JSONField(editable=False)
    value = models.FloatField(null=True, editable=False)
    low = models.FloatField(null=True, editable=False)
    high = models.FloatField(null=True, editable=False)
    level = models.FloatField(null=True, editable=False, help_text="Share of true values that such intervals hold.")
    label = models.CharField(max_length=200, blank=True, editable=False)
    probabilities = models.JSONField(null=True, editable=False)
    warnings = models.JSONField(default=list, editable=False)
    has_warnings = models.BooleanField("warnings", default=False, editable=False)

    review = models.CharField("review", max_length=10, choices=Review.choices, default=Review.OPEN)
    note = models.TextField(blank=True, max_length=2000, help_text="Why it was approved, corrected or rejected.")
    corrected_value = models.FloatField("corrected answer", null=True, blank=True, help_text="What the answer should have been.")
    corrected_label = models.CharField(
        "corrected answer", max_length=200, blank=True, help_text="What the answer should have been."
    )
    outcome_value = models.FloatField("outcome", null=True, blank=True, help_text="What really happened.")
    outcome_label = models.CharField("outcome", max_length=200, blank=True, help_text="What really happened.")
    outcome_at = models.DateTimeField("outcome recorded", null=True, editable=False)
    reviewed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.SET_NULL,
        null=True,
        blank=True,
        related_name="reviews",
        editable=False,
        db_index=False,
    )
    reviewed_at = models.DateTimeField("reviewed", null=True, editable=False)

    objects: models.Manager[Prediction] = PredictionQuerySet.as_manager()

    class Meta:
        ordering = ["-id"]
        # What a new row seldom tells is indexed where it is told: each index that a row is in is a page to read, write and sync.
        # Time has none of its own, because the key grows with it.
        constraints = [
            models.UniqueConstraint(
                fields=["submission"], condition=models.Q(submission__isnull=False), name="prediction_submission"
            ),
        ]
        indexes = [
            models.Index(fields=["visitor"], name="prediction_visitor", condition=models.Q(visitor__isnull=False)),
            models.Index(fields=["reviewed_by"], name="prediction_reviewer", condition=models.Q(reviewed_by__isnull=False)),
            # Upwards although they are read downwards: a new row then comes last, where its page is at hand and gets full.
            models.Index(fields=["user", "id"], name="prediction_owner"),
            models.Index(fields=["model_version", "id"], name="prediction_version"),
            # The lists that the admin offers, each newest first, where few rows are in them. Those with most of the rows, not
            # reviewed or asked by programs, are found by walking back in time.
            models.Index(fields=["-id"], name="prediction_form", condition=models.Q(source="form")),
            models.Index(fields=["-id"], name="prediction_warned", condition=models.Q(has_warnings=True)),
            models.Index(fields=["-id"], name="prediction_reviewed", condition=models.Q(reviewed_at__isnull=False)),
            models.Index(fields=["-id"], name="prediction_outcome", condition=models.Q(outcome_at__isnull=False)),
        ]

    def __str__(self) -> str:
        return str(self.id)

    @property
    def answer(self) -> float | str:
        """The predicted number, or the predicted class."""
        return self.label if self.value is None else self.value

    @property
    def outcome(self) -> float | str | None:
        """What really happened, where it is known."""
        return self.outcome_label or None if self.value is None else self.outcome_value


class ApiToken(AuthToken):  # type: ignore[misc]  # knox has no types
    """A token of the API as the admin shows it: by its owner and its first characters; only its hash is stored."""

    class Meta:
        proxy = True
        ordering = ["-created"]
        verbose_name = "API token"

    def __str__(self) -> str:
        return f"{self.user}: {self.token_key[:8]}…"


class TokenUse(models.Model):
    """The day on which a token of the API was last used; written once a day, so that no request waits for it."""

    token = models.OneToOneField(AuthToken, models.CASCADE, primary_key=True, related_name="use")
    last_used_on = models.DateField()

    class Meta:
        default_permissions = ()

    def __str__(self) -> str:
        return str(self.last_used_on)


class Allowance(models.Model):
    """How much of a limit on requests is used up; all workers count here. See ``predictions.limits``."""

    key = models.CharField(max_length=80, primary_key=True)
    used_until = models.FloatField(db_index=True, help_text="Seconds since 1970 until which what was asked counts.")

    class Meta:
        default_permissions = ()

    def __str__(self) -> str:
        return self.key


class ProbeRow(models.Model):
    """The single row that the readiness probe overwrites, to prove that the database takes writes."""

    filler = models.TextField()

    class Meta:
        default_permissions = ()

    def __str__(self) -> str:
        return str(self.pk)
