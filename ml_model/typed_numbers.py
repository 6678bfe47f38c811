"""Numbers as people type them: with thousands marks or a decimal comma."""

from __future__ import annotations

import re

_LONGEST = 1_000
_APOSTROPHES = dict.fromkeys(map(ord, "\u00b4\u02bc\u2018\u2019"), "'")
_GROUPED = re.compile(r"([+-]?[1-9]\d{0,2}(?:([ ',.])\d{3})(?:\2\d{3})*+)(?:([.,])(\d*+))?", re.ASCII)
_DECIMAL_COMMA = re.compile(r"([+-]?)(\d*+),(\d++)", re.ASCII)


def in_digits(text: str) -> str:
    """Return a number in plain digits, or the text itself if it is none or is ambiguous; ``text`` has plain spaces and signs.

    A comma before exactly three digits is a thousands mark, as it is in the numbers that we write ourselves.

    >>> [in_digits(text) for text in ("43,560", "1 440", "1'440.5", "1.440,5", "1440,5", "0,125", "1440,500")]
    ['43560', '1440', '1440.5', '1440.5', '1440.5', '0.125', '1440,500']
    """
    if len(text) > _LONGEST:
        return text
    text = text.translate(_APOSTROPHES)
    if text.startswith(("- ", "+ ")):
        text = text[0] + text[2:]
    if found := _GROUPED.fullmatch(text):
        whole, mark, point, decimals = found.groups()
        if point == mark or (mark == "." and not point and whole.count(".") == 1):
            return text  # a single point is a decimal point
        return f"{whole.replace(mark, '')}.{decimals or 0}".removesuffix(".0")
    if found := _DECIMAL_COMMA.fullmatch(text):
        sign, whole, decimals = found.groups()
        if len(decimals) != 3 or not whole.strip("0"):
            return f"{sign}{whole}.{decimals}"
    return text
