"""A stored prediction on one line of a list, in the words of the release that answered."""

from __future__ import annotations

from predictions import embedded
from predictions.models import Prediction
from predictions.presentation import amount, answer_of


def short_id(prediction: Prediction) -> str:
    """Return enough of the id to tell a prediction from others: its time, and its random end."""
    return f"{str(prediction.pk)[:8]}…{str(prediction.pk)[-4:]}"


def answer(prediction: Prediction) -> str:
    """Return the answer: ``$181,000``, or the meaning of the class."""
    return answer_of(prediction, embedded.spec_of(prediction.model_name, prediction.model_version)).headline


def sureness(prediction: Prediction) -> str:
    """Return the interval of a number, or the probability of the class that was answered."""
    words = answer_of(prediction, embedded.spec_of(prediction.model_name, prediction.model_version))
    return words.interval or next((share.percent for share in words.shares if share.chosen), "")


def outcome(prediction: Prediction) -> str:
    """Return what really happened; empty where it is not known."""
    if prediction.outcome is None:
        return ""
    return (
        label(prediction, prediction.outcome) if isinstance(prediction.outcome, str) else number(prediction, prediction.outcome)
    )


def number(prediction: Prediction, value: float) -> str:
    """Return a number that a person gave, with all its digits, in the words of the target."""
    spec = embedded.spec_of(prediction.model_name, prediction.model_version)
    if spec is None:
        return amount(None, value)
    given = len(f"{value:.6f}".rstrip("0").partition(".")[2])
    return amount(spec.target.model_copy(update={"decimals": max(given, spec.target.decimals)}), value)


def label(prediction: Prediction, value: str) -> str:
    """Return the meaning of a class."""
    return dict(classes(prediction)).get(value, value)


def classes(prediction: Prediction) -> list[tuple[str, str]]:
    """Return the classes that the answer was one of, each with its meaning."""
    spec = embedded.spec_of(prediction.model_name, prediction.model_version)
    meanings = dict(spec.target.classes) if spec else {}
    return [(name, meanings.get(name, name)) for name in prediction.probabilities or {}]
