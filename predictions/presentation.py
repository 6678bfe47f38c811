"""A stored prediction in words and figures that a person reads; the exact numbers stay in its JSON."""

from __future__ import annotations

import json
import math
import shlex
from dataclasses import dataclass
from typing import Any

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
    high: str = ""
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

    >>> amount(None, 157407.86, low=135480.8, high=182883.7)
    '157,000'
    """
    places = target.decimals if target else 6
    if low is not None and high is not None and high > low:
        places = min(places, -math.floor(math.log10((high - low) / _STEPS_PER_INTERVAL)))
    rounded = round(value, places) + 0.0
    digits = f"{abs(rounded):,.{max(places, 0)}f}"
    if not target:
        digits = digits.rstrip("0").rstrip(".") if "." in digits else digits
    sign = "−" if rounded < 0 else ""
    prefix, unit = (target.prefix, target.unit) if target else ("", "")
    return f"{sign}{prefix}{digits}" if prefix or not unit else f"{sign}{digits} {unit}"


def odds(level: float) -> str:
    """Return a share as people say it.

    >>> odds(0.9), odds(0.95), odds(0.67)
    ('nine times out of ten', '19 times out of 20', '67 times out of 100')
    """
    hundredths = round(level * 100)
    if hundredths % 10 == 0 and hundredths // 10 in _TENTHS:
        return f"{_TENTHS[hundredths // 10]} times out of ten"
    return f"{hundredths // 5} times out of 20" if hundredths % 5 == 0 else f"{hundredths} times out of 100"


def answer_of(prediction: Prediction, spec: ModelSpec | None) -> Answer:
    """Return the answer of a stored prediction in the words of its own release; in plain figures without a ``spec``."""
    target = spec.target if spec else None
    what = target.label if target else "Answer"
    value, low, high = prediction.value, prediction.low, prediction.high
    if value is None:
        words = dict(target.classes) if target else {}
        return Answer(what=what, headline=words.get(prediction.label, prediction.label), shares=_shares(prediction, words))
    headline = amount(target, value, low=low, high=high)
    if low is None or high is None:
        return Answer(what=what, headline=headline)
    inside = (value - low) / (high - low) if high > low else 0.5
    return Answer(
        what=what,
        headline=headline,
        low=amount(target, low, low=low, high=high),
        high=amount(target, high, low=low, high=high),
        odds=odds(prediction.level) if prediction.level else "",
        position=f"{_MARGIN + (100 - 2 * _MARGIN) * min(max(inside, 0.0), 1.0):.1f}",
    )


def _shares(prediction: Prediction, words: dict[str, str]) -> tuple[Share, ...]:
    ranked = sorted((prediction.probabilities or {}).items(), key=lambda item: -item[1])
    return tuple(
        Share(words=words.get(name, name), percent=_percent(share), width=f"{share * 100:.1f}", chosen=name == prediction.label)
        for name, share in ranked
    )


def _percent(share: float) -> str:
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
        "low": prediction.low,
        "high": prediction.high,
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
    """Return JSON for people to read and copy."""
    return json.dumps(value, indent=2, ensure_ascii=False)


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
