"""The list of all predictions in the admin: filters, search and pages that stay fast with many millions of rows."""

from __future__ import annotations

import datetime as dt
import re
import uuid
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.contrib import admin
from django.contrib.admin.views.main import ChangeList
from django.contrib.auth import get_user_model
from django.core.paginator import Paginator
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.utils.functional import cached_property

from ml_model.errors import ReleaseError
from ml_model.releases import read_releases
from predictions import embedded
from predictions.models import Prediction, first_key

if TYPE_CHECKING:
    _Paginator = Paginator[Prediction]
else:
    _Paginator = Paginator

_MOST_LISTED = 10_000
_MOST_USERS = 100
_CLOCK_STEP = dt.timedelta(days=1)
"""How far the time of a key may be from that of its row: keys go on growing while a clock is put back."""
_ID = re.compile(r"([0-9a-f]{8,32})(?:…([0-9a-f]{1,12}))?")


class CappedPaginator(_Paginator):
    """Pages over the first rows only: counting all of them would read the whole table for each page."""

    most = _MOST_LISTED

    @cached_property
    def count(self) -> int:
        """Number of rows, or ``most`` where there are more."""
        rows: QuerySet[Prediction] = self.object_list  # type: ignore[assignment]
        return rows.order_by()[: self.most].count()

    @property
    def is_capped(self) -> bool:
        """Whether there may be more rows than the pages show."""
        return self.count == self.most


class _Filter(admin.SimpleListFilter):
    """One parameter of the address; a value that is not offered filters nothing."""

    def chosen(self) -> str | None:
        """Return the chosen value, where it is one of those offered."""
        value = self.value()
        return value if value in {key for key, _ in self.lookup_choices} else None


class ReviewFilter(_Filter):
    """By the state of the review."""

    title = parameter_name = "review"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """The states."""
        return list(Prediction.Review.choices)

    def queryset(self, request: HttpRequest, queryset: QuerySet[Prediction]) -> QuerySet[Prediction]:
        """The predictions of one state; all but those not reviewed are among the rows of an index."""
        chosen = self.chosen()
        if chosen is None:
            return queryset
        return queryset.filter(review=chosen, **({} if chosen == Prediction.Review.OPEN else {"reviewed_at__isnull": False}))


class SourceFilter(_Filter):
    """By the door that the question came through."""

    title = parameter_name = "source"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """The doors."""
        return list(Prediction.Source.choices)

    def queryset(self, request: HttpRequest, queryset: QuerySet[Prediction]) -> QuerySet[Prediction]:
        """The predictions of one door."""
        chosen = self.chosen()
        return queryset.by_source(chosen) if chosen else queryset  # type: ignore[attr-defined]  # that of the model


class VersionFilter(_Filter):
    """By the release that answered; the listed releases are offered, since to ask the table would read all of it."""

    title = "release"
    parameter_name = "version"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """The releases, the newest first."""
        try:
            releases = read_releases(settings.MODEL_RELEASES)
        except ReleaseError:
            return []
        return [
            (version, f"{model} {version}{' (live)' if version == releases.live else ''}")
            for version in reversed(releases.manifests)
            if (model := embedded.model_of(version))
        ]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Prediction]) -> QuerySet[Prediction]:
        """The predictions of one release; another model may have had the same version."""
        version = self.chosen()
        return queryset.filter(model_version=version, model_name=embedded.model_of(version)) if version else queryset


class WarningsFilter(_Filter):
    """By whether the answer carries a warning."""

    title = parameter_name = "warnings"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """With or without."""
        return [("yes", "With warnings"), ("no", "Without warnings")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Prediction]) -> QuerySet[Prediction]:
        """The predictions with, or without, warnings."""
        return queryset.filter(has_warnings=self.chosen() == "yes") if self.chosen() else queryset


class OutcomeFilter(_Filter):
    """By whether it is known what really happened."""

    title = parameter_name = "outcome"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """Known or not."""
        return [("yes", "Known"), ("no", "Not known")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Prediction]) -> QuerySet[Prediction]:
        """The predictions with, or without, an outcome."""
        return queryset.filter(outcome_at__isnull=self.chosen() == "no") if self.chosen() else queryset


class TimedList(ChangeList):
    """Finds the rows of a day, a month or a year by their keys, which grow with time and have an index."""

    def get_filters(self, request: HttpRequest) -> Any:
        """Return what Django does, with the keys of the time among the lookups."""
        found = super().get_filters(request)
        lookups: dict[str, Any] = found[2]
        if "created_at__gte" in lookups:
            [start], [end] = lookups["created_at__gte"], lookups["created_at__lt"]
            lookups |= {"id__gte": [first_key(start - _CLOCK_STEP)], "id__lt": [first_key(end + _CLOCK_STEP)]}
        return found


FILTERS = (ReviewFilter, WarningsFilter, OutcomeFilter, SourceFilter, VersionFilter)
_DATES = {
    "created_at__year": re.compile(r"(19|20|21)\d\d", re.ASCII),
    "created_at__month": re.compile(r"0?[1-9]|1[0-2]", re.ASCII),
    "created_at__day": re.compile(r"0?[1-9]|[12]\d|3[01]", re.ASCII),
}


def lookup_allowed(lookup: str, value: str, request: HttpRequest) -> bool:
    """Whether a parameter of the list's address is one of its filters; any other one could read the whole table."""
    if lookup in _DATES:
        return "created_at__year" in request.GET and bool(_DATES[lookup].fullmatch(value))
    return lookup in {one.parameter_name for one in FILTERS}


def search(queryset: QuerySet[Prediction], text: str) -> QuerySet[Prediction]:
    """Return the predictions with an id that begins with ``text``, of a user of that name, or with it in their note."""
    text = text.strip()
    if not text:
        return queryset
    if found := _ID.fullmatch(text.lower().replace("-", "")):
        start, end = found.groups()
        first, last = (uuid.UUID(hex=start.ljust(32, digit)) for digit in "0f")
        queryset = queryset.filter(pk__gte=first, pk__lte=last)
        return queryset.filter(pk__endswith=end) if end else queryset
    users = list(get_user_model().objects.filter(username__istartswith=text).values_list("pk", flat=True)[:_MOST_USERS])
    # Only a saved review has a note, and those rows have an index of their own.
    return queryset.filter(Q(user__in=users) | Q(reviewed_at__isnull=False, note__icontains=text))
