"""Stored predictions as CSV, streamed: no spreadsheet takes a cell of it for a formula."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator, Sequence
from typing import Any

from django.db.models import QuerySet
from django.http import StreamingHttpResponse

from predictions.models import Prediction
from predictions.presentation import bound

_PAGE = 1000
_FORMULA = ("=", "+", "-", "@", "\t", "\r")
_BEFORE = ("id", "created_at", "source", "user", "model_name", "model_version")
_AFTER = (
    *("answer", "low", "high", "level", "probabilities", "warnings"),
    *("review", "note", "corrected", "outcome", "outcome_at", "reviewed_by", "reviewed_at"),
)


class _Echo:
    """A file that hands back what is written to it."""

    def write(self, text: str) -> str:
        return text


def csv_response(queryset: QuerySet[Prediction], filename: str) -> StreamingHttpResponse:
    """Answer with one line for each prediction of ``queryset``, newest first, all inputs included."""
    response = StreamingHttpResponse(csv_lines(queryset), content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="{filename}"'
    return response


def csv_lines(queryset: QuerySet[Prediction]) -> Iterator[str]:
    """Yield the header and the lines; an input stands under ``input.`` and its name, empty where it is not known."""
    names = _input_names(queryset)
    writer = csv.writer(_Echo())
    yield writer.writerow([*_BEFORE, *(f"input.{name}" for name in names), *_AFTER])
    for prediction in _pages(queryset):
        yield writer.writerow([_cell(value) for value in _values(prediction, names)])


def _input_names(queryset: QuerySet[Prediction]) -> list[str]:
    names: dict[str, None] = {}
    # A version alone does not name a contract: two models may share it.
    for release in queryset.order_by("model_version", "model_name").values("model_version", "model_name").distinct():
        some = queryset.filter(**release).order_by().values_list("inputs", flat=True)[:1]
        names |= {name: None for inputs in some for name in inputs}
    return list(names)


def _pages(queryset: QuerySet[Prediction]) -> Iterator[Prediction]:
    """Read page by page: one long read would keep SQLite from tidying its write-ahead log."""
    ordered = queryset.select_related("user", "reviewed_by").order_by("-id")
    page = list(ordered[:_PAGE])
    while page:
        yield from page
        page = list(ordered.filter(id__lt=page[-1].pk)[:_PAGE])


def _values(prediction: Prediction, names: Sequence[str]) -> list[Any]:
    corrected = prediction.corrected_label if prediction.value is None else prediction.corrected_value
    return [
        *(getattr(prediction, name) for name in _BEFORE),
        *(prediction.inputs.get(name) for name in names),
        *(prediction.answer, bound(prediction.low), bound(prediction.high), prediction.level),
        json.dumps(prediction.probabilities) if prediction.probabilities else None,
        " ".join(one["detail"] for one in prediction.warnings),
        *(prediction.review, prediction.note, corrected, prediction.outcome, prediction.outcome_at),
        *(prediction.reviewed_by, prediction.reviewed_at),
    ]


def _cell(value: Any) -> Any:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if value is None or isinstance(value, (int, float)):
        return value
    text = value.isoformat() if hasattr(value, "isoformat") else str(value)
    return f"'{text}" if text.startswith(_FORMULA) else text
