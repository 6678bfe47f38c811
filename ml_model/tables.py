"""The tables of ``model.toml``: every key with its type, its limits and a line of text.

To add a key: add it to the class of its table with a line of text, use it where it acts, describe it in
``docs/model-toml.md`` (a test compares the two), and give it a default, so that the specs inside old bundles still parse.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from ml_model.days import Day, day_of, text_of_day
from ml_model.expressions import NONE_CHOICE
from ml_model.texts import plain

Choice = Annotated[str, Field(pattern=r"^\S(.*\S)?$")] | int
Kind = Literal["number", "integer", "boolean", "category", "ordered", "date"]
Task = Literal["regression", "binary", "multiclass"]
Value = str | int | float | bool | None
NAME = r"^[a-z][a-z0-9_]{0,62}$"
Name = Annotated[str, Field(pattern=NAME)]
Text = Annotated[str, Field(min_length=1, max_length=2000)]


Column = Annotated[Text, AfterValidator(plain)]
"""Name of a column, in the form in which files are read."""
Columns = Annotated[tuple[Column, ...], BeforeValidator(lambda value: (value,) if isinstance(value, str) else value)]
"""Columns of the data file; a single one can be written without brackets."""

NUMERIC: frozenset[Kind] = frozenset({"number", "integer"})
CHOOSING: frozenset[Kind] = frozenset({"category", "ordered"})
UNKNOWN_CELL = "unknown"
"""What a cell of a data file says for "not known" where an empty cell means "has none"."""


class Table(BaseModel):
    """A table of ``model.toml``: strict, and never changed once it is read."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)


class ModelTable(Table):
    """``[model]``: what this model is."""

    name: Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]{0,62}$")]
    """Identifies the model in stored predictions; letters, digits and dashes."""
    title: Text
    """Heading of the site."""
    noun: Text
    """What one record is, in the singular: ``house``."""
    action: Text
    """Caption of the form's button: ``Estimate the price``."""
    task: Task
    """``regression`` predicts a number, ``binary`` one of two classes, ``multiclass`` one of several."""
    summary: Text
    """Two or three sentences for the front page and the model card."""
    intended_use: Text
    """Who should use the answer, and for which decision."""
    limits: Text
    """Where the answer should not be trusted."""


class TargetTable(Table):
    """``[target]``: what is predicted."""

    column: Column
    """Column of the data file."""
    label: Text
    """In words: ``Sale price``."""
    unit: str = ""
    """Unit of a predicted number: ``US dollars``."""
    prefix: str = ""
    """Written before a number: ``$``."""
    decimals: Annotated[int, Field(ge=0, le=6)] = 0
    """Decimal places when a number is shown; the API gives the full number."""
    transform: Literal["none", "log"] = "none"
    """``log`` learns the logarithm of a positive target, so that errors count in per cent."""
    classes: tuple[tuple[str, Text], ...] = ()
    """For classification: each class as in the data with its meaning in words. The second of two is the positive one."""


class DataTable(Table):
    """``[data]``: what the model learns from."""

    file: Text
    """CSV file, relative to ``model.toml``."""
    identity: Columns = ()
    """Columns that identify a row. The split hashes them; without them it hashes all columns but the target."""
    group: Columns = ()
    """Columns that name an entity with several rows, such as a patient. Its rows stay together in the split and in folds."""
    test_share: Annotated[float, Field(ge=0.05, le=0.5)] = 0.2
    """Share of the rows that are held out as the fixed test set."""
    split_salt: str = ""
    """Any text; another text gives another split."""


class SectionTable(Table):
    """``[[section]]``: a group of fields of the form, in the order of the file."""

    name: Name
    title: Text
    help: str = ""


class FieldTable(Table):
    """``[[field]]``: one question to the user."""

    name: Name
    """Key in JSON and in templates of CSV files."""
    column: Column
    """Column of the raw data file."""
    kind: Kind
    """``number``, ``integer``, ``boolean``, ``category``, ``ordered`` (choices from the least to the most) or ``date``."""
    section: Name
    """The section of the form that it stands in."""
    label: Text
    """The question in words."""
    help: str = ""
    """How to find the answer."""
    unit: str = ""
    """Unit of a number: ``sq ft``."""
    required: bool = True
    """False where the answer may be left blank."""
    blank: str = ""
    """For an optional field: what is done where it is not known, as the end of a sentence: ``a typical width is assumed.``"""
    empty_cell: Literal["unknown", "none"] = "unknown"
    """What an empty cell of a data file means; ``none`` is the choice "has none", and then "unknown" is written out."""
    range: tuple[float, float] | None = None
    """Least and largest number that is accepted."""
    trained: tuple[float, float] | None = None
    """Least and largest number that the model learnt from; beyond it an answer carries a warning."""
    earliest: Day = ""
    """For a date: the first day that is accepted, as YYYY-MM-DD."""
    latest: Day = ""
    """For a date: the last day that is accepted."""
    choices: tuple[tuple[Choice, Text], ...] = ()
    """Each choice as in the data with its meaning in words. The choice ``none`` means that there is none."""
    example: Annotated[Value, BeforeValidator(text_of_day)]
    """A typical answer; all examples together make a record that the form and the API show."""
    feature: bool = True
    """False where the model sees the field through derived features alone."""

    @cached_property
    def codes(self) -> dict[Choice, int]:
        """Choice to its position, counted from 0: what the feature matrix holds."""
        return {choice: position for position, (choice, _) in enumerate(self.choices)}

    @cached_property
    def words(self) -> dict[Choice, str]:
        """Choice to its meaning."""
        return dict(self.choices)

    @cached_property
    def spellings(self) -> dict[str, Choice]:
        """Plain text of a cell to its choice."""
        return {plain(str(choice)): choice for choice in self.codes}

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if problems := [*self._problems_of_numbers(), *self._problems_of_choices(), *self._problems_of_days()]:
            raise ValueError("; ".join(problems))
        return self

    def _problems_of_numbers(self) -> Iterator[str]:
        needs_range = self.kind in NUMERIC
        if needs_range != (self.range is not None) or needs_range != (self.trained is not None):
            written = ": write range = [0, 100] and trained = [10, 90]" if needs_range else ": leave them out"
            yield f"range and trained are {'needed for' if needs_range else 'not part of'} a field of kind {self.kind}{written}"
        elif self.range and self.trained and not self.range[0] <= self.trained[0] < self.trained[1] <= self.range[1]:
            yield "trained must lie within range, the least number first"
        if self.required and self.blank:
            yield "blank says what a blank means, but the field is required: leave blank out, or write required = false"

    def _problems_of_choices(self) -> Iterator[str]:
        if (self.kind in CHOOSING) != bool(self.choices):
            needed = 'needed for a field of kind {}: write choices = [["a", "Meaning of a"], ["b", "Meaning of b"]]'
            yield f"choices are {needed if self.kind in CHOOSING else 'not part of a field of kind {}: leave them out'}".format(
                self.kind
            )
        # As text, because a form and a data file hold nothing else.
        if len({str(choice) for choice in self.codes}) != len(self.choices):
            yield "choices repeat a value"
        if len({type(choice) for choice in self.codes if choice != NONE_CHOICE}) > 1:
            yield f"choices are either all text or all whole numbers (apart from '{NONE_CHOICE}')"
        if self.empty_cell == "none" and NONE_CHOICE not in self.codes:
            yield f"empty_cell is 'none', so the choices need one of value '{NONE_CHOICE}'"
        if self.empty_cell == "none" and UNKNOWN_CELL in self.codes:
            yield f"empty_cell is 'none', so a cell '{UNKNOWN_CELL}' means not known and cannot be a choice"

    def _problems_of_days(self) -> Iterator[str]:
        if self.kind != "date":
            if self.earliest or self.latest:
                yield "earliest and latest are for a field of kind date, and for no other"
            return
        try:
            ordered = day_of(self.earliest) <= day_of(self.latest)
        except ValueError as error:
            yield f"a field of kind date needs earliest and latest as YYYY-MM-DD; {error}"
            return
        if not ordered:
            yield "earliest must not be after latest"


class DerivedTable(Table):
    """``[[derived]]``: a feature computed from fields, the same in training and in serving."""

    name: Name
    label: Text
    unit: str = ""
    expression: Text
    """See the expression language in ``docs/model-toml.md``."""


class _Member(Table):
    weight: Annotated[float, Field(gt=0, le=1000)] = 1.0
    """Its share in the average of all members."""


class LinearTable(_Member):
    """``[estimator.linear]``: ridge regression, or logistic regression for classes, on standardised features."""

    alpha: Annotated[float, Field(gt=0, le=1e6)] = 10.0
    """Strength of the L2 penalty."""
    category_scale: Annotated[float, Field(gt=0, le=100)] = 1.0
    """Height of the indicator of a choice beside numbers of variance 1; more is a weaker penalty on categories."""


class BoostingTable(_Member):
    """``[estimator.boosting]``: histogram gradient boosting."""

    trees: Annotated[int, Field(ge=1, le=5000)] = 300
    learning_rate: Annotated[float, Field(gt=0, le=1)] = 0.05
    leaves: Annotated[int, Field(ge=2, le=255)] = 15
    """Most leaves of one tree."""
    rows_per_leaf: Annotated[int, Field(ge=1, le=100_000)] = 10
    """Fewest training rows in one leaf."""
    l2: Annotated[float, Field(ge=0, le=1e6)] = 1.0
    """L2 penalty on the values of leaves."""


class ForestTable(_Member):
    """``[estimator.forest]``: extremely randomised trees."""

    trees: Annotated[int, Field(ge=1, le=5000)] = 300
    rows_per_leaf: Annotated[int, Field(ge=1, le=100_000)] = 2
    """Fewest training rows in one leaf."""
    features: Annotated[float, Field(gt=0, le=1)] = 0.5
    """Share of the features that a split chooses from."""


class EstimatorTable(Table):
    """``[estimator]``: how it learns. With several members the answer is their weighted average."""

    seed: Annotated[int, Field(ge=0, le=2**32 - 1)] = 0
    linear: LinearTable | None = None
    boosting: BoostingTable | None = None
    forest: ForestTable | None = None

    @model_validator(mode="after")
    def _has_members(self) -> Self:
        if not (self.linear or self.boosting or self.forest):
            raise ValueError("needs at least one of [estimator.linear], [estimator.boosting], [estimator.forest]")
        return self


class IntervalTable(Table):
    """``[interval]``: how sure a predicted number is."""

    level: Annotated[float, Field(ge=0.5, le=0.99)] = 0.9
    """Share of the true values that the interval should hold."""
    folds: Annotated[int, Field(ge=3, le=20)] = 10
    """Folds of the cross-validation that the residuals come from."""
    adaptive: bool = True
    """True: wider where the model is less sure. False: one width (in the scale of the transformed target)."""


TABLES: dict[str, type[Table]] = {
    "model": ModelTable,
    "target": TargetTable,
    "data": DataTable,
    "section": SectionTable,
    "field": FieldTable,
    "derived": DerivedTable,
    "estimator": EstimatorTable,
    "linear": LinearTable,
    "boosting": BoostingTable,
    "forest": ForestTable,
    "interval": IntervalTable,
}
"""Each table by its key."""
