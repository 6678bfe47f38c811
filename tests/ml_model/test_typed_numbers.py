"""Numbers as people type them."""

import time

import pytest

from ml_model.records import read_typed
from ml_model.typed_numbers import in_digits

READ = {
    "43,560": 43560,
    "1,234,567": 1234567,
    "1,234": 1234,
    "-1,234.5": -1234.5,
    "1440,5": 1440.5,
    "0,125": 0.125,
    ",5": 0.5,
    "-0,125": -0.125,
    "\u22125": -5,
    "\u2013 5": -5,
    "1\u00a0440": 1440,
    "1\u202f440,25": 1440.25,
    "1\u2009440\u2009000": 1440000,
    "1\u2007440": 1440,
    "1 440.5": 1440.5,
    "1'440": 1440,
    "1\u2019440.50": 1440.5,
    "1.234.567": 1234567,
    "1.234,5": 1234.5,
    "1.234": 1.234,
    "\ufeff12\u200b": 12,
    "\u200e12\u200f": 12,
    "1\u00ad0": 10,
    "- 5": -5,
    "- 1.625": -1.625,
    "1.625 sq ft": 1.625,
    "1.625,5 sq ft": 1625.5,
    "12 sq ft": 12,
    "43,560 sq ft": 43560,
    "1e3": 1000,
    "5.": 5,
    # What can be read in two ways, and what no number is, is left for the validator.
    "1440,500": "1440,500",
    "043,560": "043,560",
    "1,234,56": "1,234,56",
    "1,234,567,8": "1,234,567,8",
    "1 44": "1 44",
    "12,34,567": "12,34,567",
    "1,234 567": "1,234 567",
    "1.234.56": "1.234.56",
    "1,5e3": "1,5e3",
    "1_000": "1_000",
    "1½": "1½",
    "１２": "１２",
    "\u0661\u0662": "\u0661\u0662",
    "--5": "--5",
    "12 ft": "12 ft",
    "$5": "$5",
}


@pytest.mark.parametrize("text", READ, ids=ascii)
def test_numbers_as_people_type_them(text, house):
    assert read_typed(house.fields["area"], text) == READ[text]


@pytest.mark.parametrize(
    "text", ["1" * 900 + "x", "1," * 450, "1,111" * 180, "1 111" * 180 + "x", "," * 999, "-" * 999, "1." * 499]
)
def test_long_text_is_read_in_no_time(text, house):
    began = time.process_time()
    for field in house.field:
        read_typed(field, text)
    in_digits(text)
    assert time.process_time() - began < 0.05
