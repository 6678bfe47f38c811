"""The faults that ``make faults`` makes to the real server, in short; CI tries two more by that command."""

from __future__ import annotations

from functools import partial

import pytest

from scripts.faults import crashes, storage
from scripts.faults.__main__ import page_of
from scripts.faults.report import Result, result

SHORT = {
    "killed": partial(crashes.kill_on_sqlite, kills=1),
    "full disk": storage.full_disk,
    "read-only": storage.read_only,
    "deleted": storage.deleted_database,
}


@pytest.mark.parametrize("fault", SHORT)
def test_the_server_behaves_as_documented_when_something_breaks(fault, tmp_path):
    found = SHORT[fault](tmp_path)
    assert found.holds, found


def test_a_broken_promise_is_named():
    found = result("fault", "figure", nothing_is_lost=False, is_ready=True)
    assert (found.holds, found.figure) == (False, "figure BROKEN: nothing is lost")


def test_the_figures_take_the_place_of_the_earlier_ones():
    page = "a\n<!-- figures of make faults -->\nold\n<!-- end of the figures -->\nb\n"
    new = page_of([Result(fault="f", figure="x", holds=True), Result(fault="g", figure="y", holds=False)], page)
    assert "old" not in new
    assert "| f | x | yes |\n| g | y | **no** |\n<!-- end of the figures -->\nb\n" in new
    assert page_of([Result(fault="f", figure="x", holds=True)], new).startswith("a\n<!-- figures of make faults -->\nTried on ")
