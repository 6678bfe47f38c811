import numpy as np
import pytest

from ml_model.suspicion import leakage, separates, sides_differ


@pytest.fixture(scope="module")
def sides():
    rng = np.random.default_rng(1)
    return rng.normal(100, 20, 1000), rng.random(1000) < 0.2


def test_a_fair_split_does_not_differ(sides):
    column, is_test = sides
    assert not sides_differ(column, is_test)
    assert not separates(np.floor(column % 5), is_test)


@pytest.mark.parametrize("change", [lambda one: one / 10.76, lambda one: one + 30, lambda one: one * np.nan])
def test_a_change_of_one_side_alone_is_seen(change, sides):
    column, is_test = sides
    assert sides_differ(np.where(is_test, change(column), column), is_test)


def test_a_choice_of_one_side_alone_is_seen(sides):
    assert separates(np.where(sides[1], 1.0, 0.0), sides[1])


@pytest.mark.parametrize("numbers", [True, False])
def test_leakage(numbers, sides):
    column, is_test = sides
    target = column if numbers else (column > 100).astype(float)
    noise = np.random.default_rng(2).normal(0, 1, 1000)
    assert leakage(np.exp(target), target, is_test, numbers=numbers)[0] > 0.98
    assert leakage(noise, target, is_test, numbers=numbers)[0] < 0.7
