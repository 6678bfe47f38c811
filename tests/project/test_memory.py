"""Memory is given back once it is quiet, and not before."""

from __future__ import annotations

import threading

import pytest

from project import memory
from project.memory import Memory, give_back


@pytest.fixture
def given(monkeypatch: pytest.MonkeyPatch) -> threading.Semaphore:
    """Counts how often memory was given back."""
    count = threading.Semaphore(0)
    monkeypatch.setattr(memory, "give_back", count.release)
    return count


def test_it_is_given_back_when_it_is_quiet(given):
    Memory(quiet_s=0.01).was_needed()
    assert given.acquire(timeout=10)
    assert not given.acquire(timeout=0.05)


def test_who_needs_it_again_puts_that_off(given):
    one = Memory(quiet_s=1.0)
    for _ in range(4):
        one.was_needed()
        assert not given.acquire(timeout=0.1)
    assert given.acquire(timeout=10)
    assert not given.acquire(timeout=0.5)


def test_what_waits_does_not_keep_a_process_alive(given):
    one = Memory(quiet_s=60)
    before = set(threading.enumerate())
    one.was_needed()
    [waiting] = set(threading.enumerate()) - before
    assert waiting.daemon
    waiting.cancel()
    waiting.join(timeout=10)


def test_another_c_library_needs_none_of_it(monkeypatch):
    give_back()

    class Library:
        def __init__(self, name: str | None) -> None:
            raise OSError

    monkeypatch.setattr(memory.ctypes, "CDLL", Library)
    give_back()
