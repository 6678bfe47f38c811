"""The collector is paused for one body, and on again whatever becomes of it."""

from __future__ import annotations

import gc

import pytest

from predictions.api.pause import collector_paused
from predictions.services import predict_and_store

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

    def watched(*args, **kwargs):
        seen.append(gc.isenabled())
        return predict_and_store(*args, **kwargs)

    monkeypatch.setattr("predictions.api.views.predict_and_store", watched)
    assert api.post("predictions/bulk/", [example]).status_code == 201
    assert api.post("predictions/", example).status_code == 201
    assert seen == [False, True]
    assert gc.isenabled()
