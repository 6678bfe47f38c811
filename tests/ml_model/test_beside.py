"""One call beside the caller: it has begun when ``begin`` returns, its result waits, and it ends with the ``with``."""

from __future__ import annotations

import threading

import pytest

from ml_model.beside import Beside


def test_a_call_runs_while_the_caller_goes_on():
    going, done = threading.Event(), []
    with Beside() as beside:
        begun = beside.begin(lambda: going.wait(10) and done.append(1))
        assert not done
        going.set()
        begun.result(10)
    assert done == [1]


def test_it_has_begun_when_it_is_handed_back():
    begun: list[str] = []
    hold = threading.Event()

    def call() -> str:
        begun.append("begun")
        hold.wait(10)
        return "ended"

    with Beside() as beside:
        beside.begin(lambda: None).result(10)  # to start a thread also waits for it
        waiting = beside.begin(call)
        # A moment later, where this thread has not waited for anything since; without a hand-over the other had no turn yet.
        assert begun == ["begun"]
        assert not waiting.done()
        hold.set()
        assert waiting.result(10) == "ended"


def test_calls_keep_their_order_and_their_results():
    with Beside() as beside:
        waiting = [beside.begin(lambda number=number: number * number) for number in range(20)]
    assert [one.result() for one in waiting] == [number * number for number in range(20)]


def test_what_a_call_raises_is_raised_where_its_result_is_asked_for():
    with Beside() as beside:
        broken, whole = beside.begin(lambda: 1 / 0), beside.begin(lambda: 1)
    assert whole.result() == 1
    with pytest.raises(ZeroDivisionError):
        broken.result()


def test_its_thread_ends_with_it_whatever_happens():
    before = threading.active_count()

    def broken() -> None:
        with Beside() as beside:
            beside.begin(lambda: 1)
            assert threading.active_count() == before + 1
            raise KeyError

    with pytest.raises(KeyError):
        broken()
    assert threading.active_count() == before
