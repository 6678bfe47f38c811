"""The budget can fail: what costs twice as much is over its limit, and what only waits is not."""

from __future__ import annotations

import time
from collections.abc import Callable

from benchmarks import budget, harness  # first, for its one thread
from ml_model.scoring import load_scorer

_ROUNDS = 15


def test_what_costs_twice_as_much_is_named_and_what_only_waits_is_not() -> None:
    """Measured as the budget measures, over the score of one record."""
    scorer, records = load_scorer(), harness.real_records(1)

    def twice() -> None:
        scorer.score(records)
        scorer.score(records)

    def late() -> None:
        scorer.score(records)
        time.sleep(0.02)

    usual = _ratio(lambda: scorer.score(records))
    told = {"case": (usual, usual * budget.ROOM)}
    assert budget.over({"case": _ratio(twice)}, told) == ["case"]  # noqa: S101
    assert budget.over({"case": _ratio(late)}, told) == []  # noqa: S101
    assert budget.over({"other": usual}, told) == ["other"]  # noqa: S101


def _ratio(run: Callable[[], object]) -> float:
    return budget.measure([budget.Case(name="case", words="a case", run=run)], rounds=_ROUNDS)["case"]
