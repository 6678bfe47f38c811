"""The years, months and days above the list of predictions, without reading the table for them."""

from __future__ import annotations

import calendar
import datetime as dt
from typing import Any

from django import template
from django.contrib.admin.views.main import ChangeList
from django.utils import timezone
from django.utils.formats import date_format

from predictions.models import Prediction

register = template.Library()


@register.inclusion_tag("admin/date_hierarchy.html")
def prediction_dates(cl: ChangeList) -> dict[str, Any]:
    """Links to narrow the list by time. Django's own tag would look for the days that have rows, among all rows."""
    year, month, day = (int(cl.params.get(f"created_at__{part}", 0)) for part in ("year", "month", "day"))
    first, last = _bounds()

    def link(**parts: int) -> str:
        return cl.get_query_string({f"created_at__{part}": str(number) for part, number in parts.items()}, ["created_at__"])

    def choice(title: str, **parts: int) -> dict[str, str]:
        return {"title": title, "link": link(**parts)}

    if day and month:
        date = dt.date(year, month, day)
        back = choice(date_format(date, "YEAR_MONTH_FORMAT"), year=year, month=month)
        return {"show": True, "back": back, "choices": [{"title": date_format(date, "MONTH_DAY_FORMAT")}]}
    if month:
        days = [dt.date(year, month, number + 1) for number in range(calendar.monthrange(year, month)[1])]
        choices = [choice(str(one.day), year=year, month=month, day=one.day) for one in days if first <= one <= last]
        return {"show": True, "back": choice(str(year), year=year), "choices": choices}
    if year:
        months = [dt.date(year, number, 1) for number in range(1, 13)]
        choices = [
            choice(date_format(one, "F"), year=year, month=one.month) for one in months if first.replace(day=1) <= one <= last
        ]
        return {"show": True, "back": choice("All dates"), "choices": choices}
    choices = [choice(str(one), year=one) for one in range(first.year, last.year + 1)]
    return {"show": first <= last, "back": None, "choices": choices}


def _bounds() -> tuple[dt.date, dt.date]:
    """The days of the first and the last prediction: two looks into the index."""
    times = Prediction.objects.values_list("created_at", flat=True)
    first, last = times.order_by("id").first(), times.order_by("-id").first()
    if first is None or last is None:
        return dt.date.max, dt.date.min
    return timezone.localtime(first).date(), timezone.localtime(last).date()
