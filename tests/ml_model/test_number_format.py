"""Every float has a text that a person can read."""

import math
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ml_model.number_format import rounded, shortest
from ml_model.records import number_in_words, read_typed
from ml_model.words import value_in_words

POWERS = [
    sign * float(f"{digit}e{power}") for power in range(-323, 309) for digit in (1, 9.99) for sign in (1, -1) if power < 308
]
EDGES = [5e-324, sys.float_info.min, sys.float_info.max, 2.0**53 - 1, 2.0**53 + 2, 999_999.5, 999_999_999_999_999.9, 1e15]
LONGEST_TEXT = 26


@pytest.mark.parametrize(
    ("value", "places", "text"),
    [
        (12345.67, 0, "12,346"),
        (12345.67, -3, "12,000"),
        (12345.67, 2, "12,345.67"),
        (0.0, 2, "0.00"),
        (-0.0, 0, "0"),
        (0.4, 0, "0.4"),
        (-0.4, 0, "-0.4"),
        (1e-9, 6, "1e-9"),
        (499.0, -3, "499"),
        (1.5e15, 0, "1.5e15"),
        (sys.float_info.max, -306, "1.8e308"),
        (5e-324, 6, "4.94e-324"),
        (math.inf, 0, "infinity"),
        (-math.inf, 0, "-infinity"),
        (math.nan, 0, "not a number"),
    ],
)
def test_rounded(value, places, text):
    assert rounded(value, places) == text


@pytest.mark.parametrize("places", [-400, -306, -15, -3, 0, 2, 6, 400])
def test_no_number_but_zero_is_rounded_to_zero(places):
    for value in [*POWERS, *EDGES]:
        text = rounded(value, places)
        assert float(text.replace(",", "")) != 0
        assert len(text) <= LONGEST_TEXT + max(places, 0)


def test_small_and_large_numbers_keep_their_digits(house):
    for value in [*POWERS, *EDGES]:
        text = number_in_words(house.fields["area"], value).removesuffix(" sq ft")
        assert float(text.replace(",", "")) == pytest.approx(value, rel=1e-3 if 1e-3 <= abs(value) < 1e15 else 1e-11, abs=0)
        assert len(text) <= LONGEST_TEXT
        assert value_in_words(house, value).strip("-0.,") != ""
        assert len(value_in_words(house, value, short=True)) <= LONGEST_TEXT


@given(value=st.floats())
def test_every_float_has_a_text(value, house):
    for text in (shortest(value), rounded(value, 2), number_in_words(house.fields["area"], value)):
        assert 0 < len(text) <= LONGEST_TEXT + len(" sq ft")
    assert value_in_words(house, value, short=True)


@given(value=st.floats(0, 10_000))
def test_what_we_write_is_read_when_it_is_typed(value, house):
    read = read_typed(house.fields["area"], number_in_words(house.fields["area"], value))
    assert read == pytest.approx(value, rel=1e-5, abs=1e-6)
