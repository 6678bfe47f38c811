"""A stored prediction in words and figures that a person reads; the exact numbers stay in its JSON."""

from __future__ import annotations

import json
import math
import shlex
import sys
from dataclasses import dataclass
from typing import Any

from ml_model.number_format import rounded
from ml_model.records import in_words
from ml_model.spec import ModelSpec
from ml_model.tables import TargetTable
from predictions.models import Prediction

_STEPS_PER_INTERVAL = 20
_TENTHS = {5: "five", 6: "six", 7: "seven", 8: "eight", 9: "nine"}
_MARGIN = 12.0
"""Per cent of a bar's width on either side of the interval."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Share:
    """One class of a classification."""

    words: str
    percent: str
    width: str
    """Length of its bar in per cent."""
    chosen: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class Answer:
    """An answer as a person reads it."""

    what: str
    """What was predicted: ``Sale price``."""
    headline: str
    """The answer itself: ``$157,000``."""
    low: str = ""
    """The lower end of the interval; empty if there is none."""
    high: str = ""
    interval: str = ""
    """Both ends in words: ``$135,000 to $183,000``, or ``$135,000 or more, no upper bound``."""
    odds: str = ""
    """How often such intervals hold: ``nine times out of ten``."""
    position: str = "50"
    """Where the answer stands in the bar of its interval, in per cent of the bar's width."""
    shares: tuple[Share, ...] = ()
    """The classes, the most probable first."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Group:
    """The inputs of one section: label and words."""

    title: str
    rows: list[tuple[str, str]]


def amount(target: TargetTable | None, value: float, *, low: float | None = None, high: float | None = None) -> str:
    """Return a number with prefix, thousands set apart and unit, and no more digits than the interval low..high bears out.

    Every float has a text, and only zero is shown as 0.

    >>> amount(None, 157407.86, low=135480.8, high=182883.7)
    '157,000'
    """
    if not math.isfinite(value):
        return "not a finite number"
    places = target.decimals if target else 6
    step = 0.0 if low is None or high is None else (high - low) / _STEPS_PER_INTERVAL
    if 0 < step < math.inf:
        places = min(places, -math.floor(math.log10(step)))
    digits = rounded(abs(value), places)
    if not target and "e" not in digits:
        digits = digits.rstrip("0").rstrip(".") if "." in digits else digits
    sign = "−" if value < 0 else ""
    prefix, unit = (target.prefix, target.unit) if target else ("", "")
    return f"{sign}{prefix}{digits}" if prefix or not unit else f"{sign}{digits} {unit}"


def bound(end: float | None) -> float | None:
    """Return an end of a stored interval, or None if it bounds nothing.

    Until release 1.2.1 an end that was not finite was stored as the largest float.
    """
    return None if end is None or not abs(end) < sys.float_info.max else end


def odds(level: float) -> str:
    """Return a share as people say it; empty for what is no share.

    >>> odds(0.9), odds(0.95), odds(0.67)
    ('nine times out of ten', '19 times out of 20', '67 times out of 100')
    """
    if not 0 < level < 1:
        return ""
    hundredths = round(level * 100)
    if hundredths % 10 == 0 and hundredths // 10 in _TENTHS:
        return f"{_TENTHS[hundredths // 10]} times out of ten"
    return f"{hundredths // 5} times out of 20" if hundredths % 5 == 0 else f"{hundredths} times out of 100"


def answer_of(prediction: Prediction, spec: ModelSpec | None) -> Answer:
    """Return the answer of a stored prediction in the words of its own release; in plain figures without a ``spec``."""
    target = spec.target if spec else None
    what = target.label if target else "Answer"
    value, low, high = prediction.value, bound(prediction.low), bound(prediction.high)
    if value is None:
        words = dict(target.classes) if target else {}
        headline = words.get(prediction.label, prediction.label) or "No answer"
        return Answer(what=what, headline=headline, shares=_shares(prediction, words))
    headline = amount(target, value, low=low, high=high)
    if prediction.level is None and low is None and high is None:
        return Answer(what=what, headline=headline)
    least, most = ("" if end is None else amount(target, end, low=low, high=high) for end in (low, high))
    return Answer(
        what=what,
        headline=headline,
        low=least,
        high=most,
        interval=_interval(least, most),
        odds=odds(prediction.level or 0),
        position=f"{_MARGIN + (100 - 2 * _MARGIN) * _place(value, low, high):.1f}",
    )


def _interval(low: str, high: str) -> str:
    if low and high:
        return f"{low} to {high}"
    if low:
        return f"{low} or more, no upper bound"
    return f"{high} or less, no lower bound" if high else "no lower bound, no upper bound"


def _place(value: float, low: float | None, high: float | None) -> float:
    """Return where a value stands between two ends, from 0 to 1."""
    if low is None or high is None or not low < high or not math.isfinite(value):
        return 0.5
    # By halves, because the width of the widest interval is no finite number; half of the smallest float is 0.
    half_width = high / 2 - low / 2 or 1.0
    return min(max((value / 2 - low / 2) / half_width, 0.0), 1.0)


def _shares(prediction: Prediction, words: dict[str, str]) -> tuple[Share, ...]:
    stored = prediction.probabilities or {}
    # JSON has no NaN, so such a share was stored as null.
    shares = {name: share if share is not None and 0 <= share <= 1 else None for name, share in stored.items()}
    ranked = sorted(shares.items(), key=lambda item: -(item[1] or 0))
    return tuple(
        Share(
            words=words.get(name, name),
            percent=_percent(share),
            width=f"{(share or 0) * 100:.1f}",
            chosen=name == prediction.label,
        )
        for name, share in ranked
    )


def _percent(share: float | None) -> str:
    if share is None:
        return "not known"
    if 0 < share < 0.01:
        return "under 1%"
    return "over 99%" if 0.99 < share < 1 else f"{share:.0%}"


def groups_of(prediction: Prediction, spec: ModelSpec | None) -> list[Group]:
    """Return the inputs of a stored prediction by section, in words; by their raw names where ``spec`` is not at hand."""
    if spec is None:
        rows = [(name, "not known" if value is None else str(value)) for name, value in prediction.inputs.items()]
        return [Group(title="Inputs", rows=rows)]
    groups = []
    for section in spec.section:
        fields = [field for field in spec.field if field.section == section.name]
        rows = [(field.label, in_words(field, prediction.inputs.get(field.name))) for field in fields]
        if rows:
            groups.append(Group(title=section.title, rows=rows))
    return groups


def sketch_of(prediction: Prediction, spec: ModelSpec | None, *, parts: int = 4) -> str:
    """Return the first inputs that need an answer, in words, so that a person tells one prediction from another."""
    if spec is None:
        return ", ".join(str(value) for value in list(prediction.inputs.values())[:parts])
    fields = [field for field in spec.field if field.required and field.kind != "boolean"][:parts]
    return " · ".join(in_words(field, prediction.inputs.get(field.name)) for field in fields)


def facts_of(prediction: Prediction) -> dict[str, Any]:
    """Return a stored prediction with its exact numbers, ready for JSON."""
    answer: dict[str, Any] = {
        "value": prediction.value,
        "low": bound(prediction.low),
        "high": bound(prediction.high),
        "level": prediction.level,
    }
    if prediction.value is None:
        answer = {"label": prediction.label, "probabilities": prediction.probabilities}
    return {
        "id": str(prediction.id),
        "created_at": prediction.created_at.isoformat(),
        "model": prediction.model_name,
        "version": prediction.model_version,
        **answer,
        "warnings": prediction.warnings,
        "inputs": prediction.inputs,
    }


def json_text(value: object) -> str:
    """Return JSON for people to read and copy; a number that is not finite is null, because JSON has none."""
    finite = json.loads(json.dumps(value), parse_constant=lambda _: None)
    return json.dumps(finite, indent=2, ensure_ascii=False)


def curl_command(url: str, record: object) -> str:
    """Return a shell command that sends a record to the API; what the record holds cannot leave its quotes."""
    return " \\\n  ".join(
        [
            f"curl {shlex.quote(url)}",
            '--header "Authorization: Token $TOKEN"',
            "--header 'Content-Type: application/json'",
            f"--data {shlex.quote(json_text(record))}",
        ]
    )
