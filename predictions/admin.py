"""The admin: people review every stored prediction here. What was asked and answered is read-only."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from django.contrib import admin, messages
from django.contrib.admin.actions import delete_selected
from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.admin.options import ShowFacets
from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.utils import timezone

from predictions import (
    admin_list,
    embedded,
    tokens,  # noqa: F401  # importing registers the admin of the tokens
    words,
)
from predictions.export import csv_response
from predictions.models import Prediction
from predictions.presentation import answer_of, groups_of
from predictions.release_words import provenance_of
from predictions.reviews import STORED, ReviewForm, review_fields
from predictions.services import record_review

if TYPE_CHECKING:
    _Admin = admin.ModelAdmin[Prediction]
else:
    _Admin = admin.ModelAdmin

_MOST_AT_ONCE = 1000
_SIGNED = ("reviewed_by", "reviewed_at", "outcome_at")

admin.site.site_header = admin.site.site_title = admin.site.index_title = "Inhouse"
# With so few lists a second menu beside each page would only take room from the tables.
admin.site.enable_nav_sidebar = False


@admin.register(Prediction)
class PredictionAdmin(_Admin):
    """Stored predictions and their review."""

    form = ReviewForm
    list_display = (
        *("short_id", "time", "answer", "sureness", "warned", "review", "outcome"),
        *("source", "asked_by", "version"),
    )
    list_filter = admin_list.FILTERS
    list_select_related = ("user",)
    list_per_page = 50
    paginator = admin_list.CappedPaginator
    show_full_result_count = False
    show_facets = ShowFacets.NEVER
    ordering = ("-id",)
    sortable_by = ("time",)
    date_hierarchy = "created_at"
    search_fields = ("id",)
    search_help_text = "The beginning of an id, the beginning of a user's name, or words of a note."
    actions = ("approve", "reject", "export_csv")

    class Media:
        css = {"all": ("predictions/admin.css",)}

    @admin.display(description="id")
    def short_id(self, prediction: Prediction) -> str:
        """Enough of the id to tell it from others."""
        return words.short_id(prediction)

    @admin.display(description="time", ordering="id")
    def time(self, prediction: Prediction) -> str:
        """When it was asked, to the minute."""
        return f"{timezone.localtime(prediction.created_at):%Y-%m-%d %H:%M}"

    @admin.display(description="answer")
    def answer(self, prediction: Prediction) -> str:
        """The answer in words."""
        return words.answer(prediction)

    @admin.display(description="how sure", empty_value="")
    def sureness(self, prediction: Prediction) -> str:
        """Interval or probability."""
        return words.sureness(prediction)

    @admin.display(description="warnings")
    def warned(self, prediction: Prediction) -> int:
        """How many warnings the answer carries."""
        return len(prediction.warnings)

    @admin.display(description="outcome")
    def outcome(self, prediction: Prediction) -> str:
        """What really happened."""
        return words.outcome(prediction)

    @admin.display(description="version")
    def version(self, prediction: Prediction) -> str:
        """The release that answered."""
        return prediction.model_version

    @admin.display(description="user")
    def asked_by(self, prediction: Prediction) -> str:
        """Who asked."""
        return str(prediction.user or "visitor")

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Nobody: predictions come from the form and the API."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Prediction | None = None) -> bool:
        """Superusers alone: what was answered is evidence."""
        return bool(request.user.is_superuser and super().has_delete_permission(request, obj))

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[admin_list.TimedList]:
        """The list that finds a time by its keys."""
        return admin_list.TimedList

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest) -> bool:
        """Whether the list may be narrowed by a parameter of its address."""
        return admin_list.lookup_allowed(lookup, value, request)

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Prediction], search_term: str
    ) -> tuple[QuerySet[Prediction], bool]:
        """Search by what has an index."""
        return admin_list.search(queryset, search_term), False

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """The list, under a plain title."""
        return super().changelist_view(request, {"title": "Predictions", **(extra_context or {})})

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> Prediction | None:
        """Return one prediction; while it is being saved no other save comes between the check of the form and the UPDATE."""
        prediction = super().get_object(request, object_id, from_field)
        if prediction and request.method == "POST" and transaction.get_connection().in_atomic_block:
            # PostgreSQL locks the row here. SQLite ignores it, and has locked the whole database by BEGIN IMMEDIATE.
            return Prediction.objects.select_for_update().filter(pk=prediction.pk).first()
        return prediction

    def get_fieldsets(self, request: HttpRequest, obj: Prediction | None = None) -> Any:
        """The review, in the columns that fit the answer."""
        fields = review_fields(obj) if obj else []
        return [("Review", {"fields": [*fields, "seen"] if self.has_change_permission(request, obj) else fields})]

    def render_change_form(self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any) -> HttpResponse:
        """Put the facts above the review."""
        prediction = kwargs.get("obj")
        if prediction:
            spec = embedded.spec_of(prediction.model_name, prediction.model_version)
            answer = answer_of(prediction, spec)
            context |= {
                "title": "Review a prediction" if self.has_change_permission(request, prediction) else "Prediction",
                "answer": answer,
                "shares": answer.shares,
                "inputs": groups_of(prediction, spec),
                "provenance": provenance_of(prediction.model_name, prediction.model_version),
            }
        return super().render_change_form(request, context, *args, **kwargs)

    def save_model(self, request: HttpRequest, obj: Prediction, form: Any, change: bool) -> None:
        """Sign and save the review, and nothing but the review."""
        if form.changed_data:
            record_review(obj, cast(User, request.user))
            obj.save(update_fields=[*STORED, *_SIGNED])

    def construct_change_message(self, request: HttpRequest, form: Any, formsets: Any, add: bool = False) -> Any:
        """Say in the history what was changed from what."""
        return form.changes()

    @admin.action(description="Approve those not reviewed yet", permissions=["change"])
    def approve(self, request: HttpRequest, queryset: QuerySet[Prediction]) -> None:
        """Approve the chosen predictions that nobody has reviewed."""
        self._decide(request, queryset, Prediction.Review.APPROVED)

    @admin.action(description="Reject those not reviewed yet", permissions=["change"])
    def reject(self, request: HttpRequest, queryset: QuerySet[Prediction]) -> None:
        """Reject the chosen predictions that nobody has reviewed."""
        self._decide(request, queryset, Prediction.Review.REJECTED)

    @admin.action(description="Export as CSV", permissions=["view"])
    def export_csv(self, request: HttpRequest, queryset: QuerySet[Prediction]) -> StreamingHttpResponse:
        """Download the chosen predictions."""
        return csv_response(queryset, f"predictions-{timezone.localtime():%Y-%m-%d-%H%M}.csv")

    def get_actions(self, request: HttpRequest) -> dict[str, Any]:
        """Return the actions, with a limit for the one of Django that deletes: its page lists every object."""
        actions: dict[str, Any] = super().get_actions(request)
        if "delete_selected" in actions:
            _, name, description = actions["delete_selected"]
            actions["delete_selected"] = (_delete_selected, name, description)
        return actions

    def are_too_many(self, request: HttpRequest, count: int) -> bool:
        """Return whether an action may not take so many predictions, and say so to the user."""
        if count > _MOST_AT_ONCE:
            self.message_user(request, f"Choose at most {_MOST_AT_ONCE:,} predictions at a time.", messages.ERROR)
        return count > _MOST_AT_ONCE

    def _decide(self, request: HttpRequest, queryset: QuerySet[Prediction], decision: Prediction.Review) -> None:
        chosen = list(queryset.order_by().values_list("pk", flat=True)[: _MOST_AT_ONCE + 1])
        if self.are_too_many(request, len(chosen)):
            return
        was = Prediction.Review.OPEN
        with transaction.atomic():
            waiting = list(Prediction.objects.select_for_update().filter(pk__in=chosen, review=was))
            for prediction in waiting:
                prediction.review = decision
                record_review(prediction, cast(User, request.user))
            Prediction.objects.bulk_update(waiting, ["review", *_SIGNED], batch_size=100)
            message = f"Review: {was.label} → {decision.label}."
            LogEntry.objects.log_actions(request.user.pk, waiting, CHANGE, message)  # type: ignore[arg-type]
        self.message_user(request, f"{decision.label}: {len(waiting)}.", messages.SUCCESS)
        if left := len(chosen) - len(waiting):
            text = f"Left as they were: {left}. They have been reviewed before; open one to change its review."
            self.message_user(request, text, messages.WARNING)


def _delete_selected(model_admin: PredictionAdmin, request: HttpRequest, queryset: QuerySet[Prediction]) -> HttpResponse | None:
    too_many = model_admin.are_too_many(request, queryset.order_by()[: _MOST_AT_ONCE + 1].count())
    return None if too_many else delete_selected(model_admin, request, queryset)
