"""The collector is paused for one body, and on again whatever becomes of it."""

from __future__ import annotations

import gc

import pytest

from predictions.api.pause import collector_paused
from predictions.services import predict_and_store, predict_and_store_many

pytestmark = pytest.mark.django_db


def test_it_is_on_again_afterwards():
    with collector_paused():
        assert not gc.isenabled()
    assert gc.isenabled()


def test_it_is_on_again_after_a_fault():
    with pytest.raises(KeyError), collector_paused():
        raise KeyError
    assert gc.isenabled()


def test_where_it_is_off_it_stays_so():
    gc.disable()
    try:
        with collector_paused():
            pass
        assert not gc.isenabled()
    finally:
        gc.enable()


def test_long_bodies_are_answered_without_it(api, example, monkeypatch):
    seen = []

    def watched(call):
        def calling(*args, **kwargs):
            seen.append(gc.isenabled())
            return call(*args, **kwargs)

        return calling

    for call in (predict_and_store, predict_and_store_many):
        monkeypatch.setattr(f"predictions.api.views.{call.__name__}", watched(call))
    assert api.post("predictions/bulk/", [example]).status_code == 201
    assert api.post("predictions/", example).status_code == 201
    assert seen == [False, True]
    assert gc.isenabled()
