import numpy as np
import pytest

from ml_model.reliability import coverage_groups, reliability_groups, wilson


def test_coverage_by_fifths_of_the_predicted_values():
    predicted = np.array([5.0, 1.0, 2.0, 3.0, 4.0, 6.0, 7.0, 8.0, 9.0, 10.0])
    inside = predicted != 2.0
    groups = coverage_groups(predicted, inside, 0.9)
    assert [(one.low, one.high, one.rows) for one in groups] == [(1, 2, 2), (3, 4, 2), (5, 6, 2), (7, 8, 2), (9, 10, 2)]
    assert [one.observed for one in groups] == [0.5, 1, 1, 1, 1]
    assert {one.promised for one in groups} == {0.9}


def test_fewer_rows_than_groups():
    assert len(coverage_groups(np.array([1.0, 2.0]), np.array([True, False]), 0.9)) == 2


def test_reliability_of_two_classes_is_that_of_the_positive_one():
    shares = np.array([0.05, 0.05, 0.95, 0.95])
    groups = reliability_groups(np.array([0.0, 1.0, 1.0, 1.0]), np.column_stack([1 - shares, shares]))
    assert [(one.rows, one.promised, one.observed) for one in groups] == [
        (2, pytest.approx(0.05), 0.5),
        (2, pytest.approx(0.95), 1),
    ]


def test_reliability_of_several_classes_is_that_of_the_most_probable():
    shares = np.array([[0.7, 0.2, 0.1], [0.1, 0.75, 0.15]])
    (group,) = reliability_groups(np.array([0.0, 2.0]), shares)
    assert (group.low, group.high, group.observed, group.promised) == (0.7, 0.75, 0.5, pytest.approx(0.725))


def test_a_certain_answer_falls_into_the_last_step():
    (group,) = reliability_groups(np.array([1.0]), np.array([[0.0, 1.0]]))
    assert (group.promised, group.observed) == (1, 1)


def test_the_interval_of_wilson_by_a_published_example():
    # Newcombe (1998), table I: 81 of 263.
    assert wilson(81, 263) == pytest.approx((0.2553, 0.3662), abs=5e-5)
    assert wilson(0, 20)[0] == pytest.approx(0, abs=1e-12)
    assert wilson(20, 20)[1] == pytest.approx(1, abs=1e-12)
