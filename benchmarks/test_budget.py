"""The budget can fail: what costs more is over its limit, and what only waits is not."""

from __future__ import annotations

import time
from collections.abc import Callable

from benchmarks import budget, bytecodes, harness  # first, for its one thread
from ml_model.scoring import load_scorer

_ROUNDS = 15


def test_what_costs_three_times_as_much_is_named_and_what_waits_is_not() -> None:
    """Measured as the budget measures, over the score of one record."""
    scorer, records = load_scorer(), harness.real_records(1)

    def thrice() -> None:
        for _ in range(3):
            scorer.score(records)

    usual = _ratio(lambda: scorer.score(records))
    told = {"case": (usual, usual * budget.ROOM)}
    assert budget.over({"case": _ratio(thrice)}, told) == ["case"]  # noqa: S101
    assert budget.over({"case": _ratio(lambda: time.sleep(0.005))}, told) == []  # noqa: S101
    assert budget.over({"other": usual}, told) == ["other"]  # noqa: S101


def test_a_step_more_is_counted() -> None:
    """As a hundred bytecodes of some thousand are, which no clock would see."""
    scorer, records = load_scorer(), harness.real_records(1)

    def a_little_more() -> None:
        scorer.score(records)
        for _ in range(100):
            pass

    usual = bytecodes.by_file(lambda: scorer.score(records)).total()
    assert usual + 200 <= bytecodes.by_file(a_little_more).total() <= usual + 600  # noqa: S101


def _ratio(run: Callable[[], object]) -> float:
    return budget.measure([budget.Case(name="case", words="a case", run=run)], rounds=_ROUNDS)["case"]
