"""The tables of ``model.toml`` that say when a release is good enough: slices, behaviours, accepted findings and gates."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from ml_model.tables import Choice, Column, Name, Table, Text


class SliceTable(Table):
    """``[[slice]]``: a group of rows whose quality is watched on its own."""

    name: Name
    label: Text
    where: Text
    """Expression over fields that is 1 for a row of the slice: ``year_built < 1940``."""


class BehaviourTable(Table):
    """``[[behaviour]]``: how every answer must move when one field changes and all others stay."""

    name: Name
    field: Name
    change: Literal["multiply", "add", "set"]
    amount: float | Choice | bool
    """Factor, summand, or the value that is set."""
    expect: Literal["not_lower", "not_higher", "same"]
    tolerance: Annotated[float, Field(ge=0, le=1)] = 0.0
    """How far an answer may move the wrong way: a share of a predicted number, or a difference of a probability."""
    exceptions: Annotated[float, Field(ge=0, le=0.5)] = 0.0
    """Share of the test rows that may move further than that."""


class AcceptTable(Table):
    """``[[accept]]``: an error that the check of the data finds and that a person has judged; it no longer stops the training."""

    finding: Literal["identifier", "leakage"]
    """What is accepted."""
    column: Column
    """Column of the data file that it is about."""
    reason: Text
    """Why it is no fault; recorded in the manifest and on the model card."""


class GatesTable(Table):
    """``[gates]``: what a candidate must pass before it can go live."""

    metric: Text
    """The metric that slices and limits of slices are about; less is better: ``rmsle``, ``rmse``, ``log_loss``."""
    limits: dict[str, tuple[float, float]] = {}
    """Metric to the least and the most that it may be on the fixed test set."""
    better_than_constant: Annotated[float, Field(ge=-1, le=1)] = 0.0
    """Least decrease of the mean loss compared with the best constant answer, as a share of its loss."""
    worse_than_baseline: Annotated[float, Field(ge=0, le=10)] = 0.01
    """Increase of the mean loss over the better of two plain models, as a share of the best constant's, beyond sampling error."""
    worse_than_live: Annotated[float, Field(ge=0, le=1)] = 0.02
    """Largest increase of the mean loss over the live release, as a share of it."""
    slice_limit: Annotated[float, Field(gt=0)] | None = None
    """The most that the metric may be in any slice."""
    slice_worse_than_live: Annotated[float, Field(ge=0, le=10)] = 0.2
    """Largest increase of the mean loss in any slice over the live release, as a share of it."""
    slice_rows: Annotated[int, Field(ge=5, le=100_000)] = 20
    """Fewest test rows for a slice to be judged."""
    corner_reach: Annotated[float, Field(gt=0, le=1e6)] = 1000.0
    """How far intervals may reach beyond the training targets at the corners of the ranges, in spreads of those targets."""
    size_ratio: Annotated[float, Field(ge=1, le=1000)] = 3.0
    """Largest size of the bundle beside that of the live release."""
    load_ratio: Annotated[float, Field(ge=1, le=1000)] = 3.0
    """Longest time to load, beside that of the live release."""
    latency_ratio: Annotated[float, Field(ge=1, le=1000)] = 3.0
    """Longest time to score one record, beside that of the live release."""

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        for metric, (least, most) in self.limits.items():
            if least > most:
                raise ValueError(f"limits.{metric}: the least number comes first")
        return self


ACCEPTANCE: dict[str, type[Table]] = {
    "slice": SliceTable,
    "behaviour": BehaviourTable,
    "accept": AcceptTable,
    "gates": GatesTable,
}
"""Each of these tables by its key."""
