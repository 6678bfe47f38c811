"""The form in which a person reviews one prediction, and what it changed, in words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib.admin.widgets import AdminTextareaWidget
from django.utils import timezone
from django.utils.formats import date_format

from predictions import embedded, words
from predictions.models import Prediction

if TYPE_CHECKING:
    _Form = forms.ModelForm[Prediction]
else:
    _Form = forms.ModelForm

Review = Prediction.Review
STORED = ("review", "note", "corrected_value", "corrected_label", "outcome_value", "outcome_label")


def review_fields(prediction: Prediction) -> list[str]:
    """Return the columns of a review that fit the answer: numbers for a number, labels for a class."""
    kind = "label" if prediction.value is None else "value"
    return ["review", "note", f"corrected_{kind}", f"outcome_{kind}"]


class ReviewForm(_Form):
    """Judgement, note, correction and outcome; refused where somebody else saved since the form was opened."""

    seen = forms.CharField(required=False, widget=forms.HiddenInput)
    """When the review that this form shows was saved; empty for the first one."""

    class Meta:
        model = Prediction
        fields = STORED
        widgets = {"note": AdminTextareaWidget(attrs={"rows": 3, "maxlength": 2000})}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.initial["seen"] = _stamp(self.instance)
        for name in {"corrected_label", "outcome_label"} & self.fields.keys():
            replaced = self.fields[name]
            choices = [("", "Not known" if name == "outcome_label" else "None"), *words.classes(self.instance)]
            self.fields[name] = forms.ChoiceField(
                choices=choices, required=False, label=replaced.label, help_text=replaced.help_text
            )
        for name in {"corrected_value", "outcome_value"} & self.fields.keys():
            self.initial[name] = _short(self.initial.get(name))
            self.fields[name].widget = forms.NumberInput(attrs={"step": "any", "inputmode": "decimal"})
            self.fields[name].help_text = f"{self.fields[name].help_text} {self._unit()}"

    def clean(self) -> dict[str, Any]:
        """Check the parts of the review against each other and against what is stored now."""
        cleaned = super().clean() or self.cleaned_data
        self._check_positive(cleaned)
        self._check_correction(cleaned)
        self._check_seen(cleaned)
        return cleaned

    def _unit(self) -> str:
        spec = embedded.spec_of(self.instance.model_name, self.instance.model_version)
        return f"In {spec.target.unit}, digits only." if spec and spec.target.unit else "Digits only."

    def _check_positive(self, cleaned: dict[str, Any]) -> None:
        spec = embedded.spec_of(self.instance.model_name, self.instance.model_version)
        if spec is None or spec.target.transform != "log":
            return
        for name in ("corrected_value", "outcome_value"):
            value = cleaned.get(name)
            if value is not None and value <= 0:
                self.add_error(name, f"{spec.target.label} is always more than zero; give a positive number.")

    def _check_correction(self, cleaned: dict[str, Any]) -> None:
        name = review_fields(self.instance)[2]
        if name in self.errors or "review" not in cleaned:
            return
        given = cleaned.get(name) not in {None, ""}
        if cleaned["review"] == Review.CORRECTED and not given:
            self.add_error(name, "Say what the answer should have been, or choose another review than “Corrected”.")
        elif cleaned["review"] != Review.CORRECTED and given:
            self.add_error("review", "There is a corrected answer: choose “Corrected”, or empty the corrected answer.")

    def _check_seen(self, cleaned: dict[str, Any]) -> None:
        now = _stamp(self.instance)
        if cleaned.get("seen") == now:
            return
        who = self.instance.reviewed_by or "Somebody else"
        at = self.instance.reviewed_at
        when = f" on {date_format(timezone.localtime(at), 'DATETIME_FORMAT')}" if at else ""
        self.add_error(
            None,
            f"{who} saved this review{when}, after you had opened it, so yours was not saved. Stored now is: "
            f"{self._stored()} What you typed is kept below; save again to put it in the place of the stored review.",
        )
        # The stored review has now been shown, so that the next save is a decision.
        self.data = dict(self.data.items()) | {"seen": now}

    def _stored(self) -> str:
        names = [name for name in review_fields(self.instance) if name in self.fields]
        return " ".join(f"{self._label(name)}: {self._shown(name, self.initial[name])}." for name in names)

    def changes(self) -> str:
        """Return each changed part with its old and its new value, for the history."""
        names = [name for name in self.changed_data if name in STORED]
        lines = [
            f"{self._label(name)}: {self._shown(name, self.initial[name])} → {self._shown(name, self.cleaned_data[name])}."
            for name in names
        ]
        return " ".join(lines) or "Nothing was changed."

    def _label(self, name: str) -> str:
        return str(self.fields[name].label)

    def _shown(self, name: str, value: Any) -> str:
        if value in {None, ""}:
            return "none"
        if name == "review":
            return Review(value).label
        if name.endswith("_value"):
            return words.number(self.instance, value)
        return words.label(self.instance, value) if name.endswith("_label") else f"“{value}”"


def _short(value: float | None) -> float | None:
    """A whole number without ``.0``."""
    return int(value) if value is not None and value.is_integer() and abs(value) < 2**53 else value


def _stamp(prediction: Prediction) -> str:
    return prediction.reviewed_at.isoformat() if prediction.reviewed_at else ""
