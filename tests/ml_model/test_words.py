import math

import pytest

from ml_model.artifacts import Metric
from ml_model.reliability import Group
from ml_model.words import figure_in_words, group_in_words, metric_in_words, metric_name, observed_in_words, value_in_words


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("coverage", "91.2% (90.0% to 92.3%)"),
        ("accuracy", "91.2% (90.0% to 92.3%)"),
        ("median_ape", "91.2% (90.0% to 92.3%)"),
        ("rmse", "$0.91 ($0.90 to $0.92)"),
        ("mae", "$0.91 ($0.90 to $0.92)"),
        ("r2", "0.9123 (0.9000 to 0.9234)"),
        ("log_loss", "0.9123 (0.9000 to 0.9234)"),
        ("of_a_later_version", "0.9123 (0.9000 to 0.9234)"),
    ],
)
def test_figures_in_words(name, words, tree, parse):
    tree["target"] |= {"prefix": "$", "decimals": 2}
    assert metric_in_words(parse(tree), name, Metric(value=0.9123, low=0.9, high=0.9234)) == words


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("coverage", 4e-6, "0.0004%"),
        ("coverage", 0.0, "0.0%"),
        ("coverage", 1.0, "100.0%"),
        ("log_loss", 2e-9, "2e-9"),
        ("log_loss", 0.0, "0.0000"),
        ("rmse", 3e-7, "$3e-7"),
        ("rmse", 1.7e308, "$1.7e308"),
        ("rmse", math.inf, "$infinity"),
    ],
)
def test_only_zero_is_shown_as_0(name, value, words, tree, parse):
    tree["target"] |= {"prefix": "$", "decimals": 2}
    assert figure_in_words(parse(tree), name, value) == words


def test_amounts_are_set_apart_by_thousands(house):
    assert metric_in_words(house, "rmse", Metric(value=12345.6, low=1e4, high=2e4)) == "12,346 (10,000 to 20,000)"
    assert metric_name("of_a_later_version") == "of_a_later_version"


@pytest.mark.parametrize(
    ("value", "words"),
    [(181_400, "$181k"), (1_250_000, "$1.2M"), (-20_000, "-$20k"), (950, "$950"), (1.5, "$1.50"), (0, "$0.00")],
)
def test_short_amounts(value, words, tree, parse):
    tree["target"] |= {"prefix": "$", "decimals": 2}
    assert value_in_words(parse(tree), value, short=True) == words


def test_a_group(house, specs):
    group = Group(low=0.2, high=0.3, rows=12, promised=0.25, observed=0.5, observed_low=0.254, observed_high=0.746)
    assert observed_in_words(group) == "50.0% (25.4% to 74.6%)"
    assert group_in_words(specs["credit"], group) == "20.0% to 30.0%: 50.0% of 12 rows, promised 25.0%"
    assert group_in_words(house, group).startswith("0.2 to 0.3: ")
