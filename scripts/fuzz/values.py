"""Hostile values: what a field, a parameter, a key or a whole body may hold although nobody wants it."""

from __future__ import annotations

import random
from typing import Any


class Token(str):
    """JSON text that is written as it stands, such as ``NaN`` or a number of 20,000 digits."""

    __slots__ = ()


class Pairs(list[tuple[str, Any]]):
    """Members of a JSON object as pairs, so that a key may occur twice."""


TEXTS = (
    *("", " ", "x", "0", "-1", "1", "NaN", "nan", "inf", "-Infinity", "-0.0", "1e308", "1e999", "5e-324", "1_000", "0x10", "1e5"),
    *("43,560", "1440,5", "−5", "1\u00a0440", "１２", "٣", "1.", ".5", "+5", "1e", "--1", "9" * 20, "9" * 400, "9" * 4_301),
    *("9" * 20_000 + "x", "1%" * 5_000 + "x", "1." * 5_000 + "x", " " * 20_000 + "x", "a" * 70_000, "-" * 20_000),
    *(
        "\0",
        "a\0b",
        "\ud800",
        "\udfff!",
        "e\u0301",
        "\u0301" * 500,
        "\u200b",
        "\ufeff",
        "\r",
        "\r\n",
        "a\rb",
        "\t",
        "\u202eabc",
        "😀",
    ),
    *(
        "<script>alert(1)</script>",
        "'\"><b>",
        "' OR 1=1 --",
        "=1+1",
        "@SUM(A1)",
        "../../etc/passwd",
        "%",
        "%00",
        "%s%n",
        "{{7*7}}",
    ),
    *(
        "true",
        "false",
        "yes",
        "null",
        "None",
        "[]",
        "{}",
        "__proto__",
        "constructor",
        "id",
        "pk",
        "all",
        ",",
        ",,",
        "a,b",
        "\\",
        "\\u0000",
    ),
    *("2024-02-30", "0000-00-00", "0001-01-01", "9999-12-31", "10000-01-01", "2020-1-5", "1970-01-01T00:00:00Z", "24:61"),
    *("00000000-0000-0000-0000-000000000000", "ffffffff-ffff-ffff-ffff-ffffffffffff", "01a209b9-64ba-713f-b575-030059d86791"),
    *(
        "0" * 32,
        "01a209b9…6791",
        "2147483648",
        "9223372036854775807",
        "9223372036854775808",
        "-9223372036854775809",
        "1" + "0" * 40,
    ),
)
"""Texts for form fields, parameters, addresses and JSON strings."""

NUMBERS: tuple[Any, ...] = (
    *(0, -1, 1, -0.0, 0.5, 5e-324, -5e-324, 1e-9, 2**31, 2**53 - 1, 2**53 + 1, 1e15, 2**63 - 1, 2**63, -(2**63) - 1, 2**64, 1e22),
    *(1e300, 1e308, -1e308, 1.7976931348623157e308, 1.5, 1e-300),
    *map(
        Token,
        ("NaN", "Infinity", "-Infinity", "1e999", "-1e999", "1e-999", "-0", "1E400", "0.1e1", "01", "1.", ".5", "+1", "0x1"),
    ),
    *map(Token, ("9" * 400, "9" * 5_000, "9" * 20_000, "9" * 20_000 + "x", "0." + "1" * 20_000, "1e" + "9" * 5_000)),
)
"""JSON numbers, and what resembles them."""

OTHERS: tuple[Any, ...] = (
    *(None, True, False, [], {}, [[]], [1], ["x"], {"a": 1}, {"": ""}, {"$ref": "#"}, [None] * 50, "x" * 1_000_000),
    *(Pairs([("a", 1), ("a", 2)]), {str(number): number for number in range(1_001)}),
    *(Token("[" * depth + "]" * depth) for depth in (15, 16, 17, 500, 5_000, 100_000)),
    *(Token('{"a":' * depth + "1" + "}" * depth) for depth in (15, 16, 17, 5_000)),
    *map(Token, ("'x'", "undefined", "1,", '"\\ud800"', '"\\udfff\\ud800"', '"\\u0000"', '"\x01"', '"\\x"', "/**/1", "tru")),
)
"""JSON values of a wrong type or shape, and what is no JSON at all."""

BODIES: tuple[bytes, ...] = (
    *(
        b"",
        b" ",
        b"\0",
        b"{",
        b"}",
        b"[",
        b'"',
        b"{}",
        b"[]",
        b"null",
        b"1",
        b'""',
        b"true",
        b"{,}",
        b"[1,]",
        b"{} {}",
        b"{'a': 1}",
    ),
    *(
        b'{"a": 1}\0',
        b"\xef\xbb\xbf{}",
        '{"a": "ü"}'.encode("utf-16"),
        '{"a": "ü"}'.encode("latin-1"),
        b"\xff" * 100,
        b"\xed\xa0\x80",
    ),
    *(b"[" * 100_000, b"[{" * 50_000, b'{"a":' * 100_000, b'"' * 100_001, b"\\" * 100_000, b"9" * 1_000_000, b" " * 1_000_000),
    *(b"a=1", b"--x\r\n", b"\x1f\x8b\x08\x00" + b"\0" * 100, b"PK\x03\x04", b"<?xml version='1.0'?><a/>"),
)
"""Whole bodies."""


def any_value(rng: random.Random) -> Any:
    """Return one hostile JSON value."""
    return rng.choice(rng.choice((TEXTS, NUMBERS, OTHERS)))


def any_text(rng: random.Random) -> str:
    """Return one hostile text, at times two of them in a row."""
    text = rng.choice(TEXTS)
    return text if rng.random() < 0.9 else text + rng.choice(TEXTS)
