"""Numbers as people read them. Every float has a text, and only zero is written as 0."""

from __future__ import annotations

import math

_LONGEST = 1e15
"""From this size on a number is written with an exponent: nobody counts that many digits."""
_SHORTEST = 1e-3
"""Below this size six decimals would lose digits that the number has."""


def rounded(value: float, places: int) -> str:
    """Return a number with ``places`` decimals (negative: rounded to tens, hundreds, ...) and a comma between thousands.

    A number that would become 0, or is very large, is written with three digits and an exponent.

    >>> [rounded(value, 1) for value in (12345.67, -0.5, 0.0, 1e-9, -1.7e308, float("nan"))]
    ['12,345.7', '-0.5', '0.0', '1e-9', '-1.7e308', 'not a number']
    """
    nearest = round(value, places) + 0.0 if abs(value) < _LONGEST else 0.0
    if nearest == 0 and value != 0:
        return _with_exponent(value, 3)
    return f"{nearest:,.{max(places, 0)}f}"


def shortest(value: float) -> str:
    """Return a number with no more decimals than it has, six at most, and a comma between thousands.

    A very small or large number has up to twelve digits and an exponent.

    >>> [shortest(value) for value in (1656.0, 0.1 + 0.2, 1.23456789e-7, 1e300)]
    ['1,656', '0.3', '1.23456789e-7', '1e300']
    """
    if value == 0 or _SHORTEST <= abs(value) < _LONGEST:
        return f"{value + 0.0:,.6f}".rstrip("0").rstrip(".")
    return _with_exponent(value, 12)


def _with_exponent(value: float, digits: int) -> str:
    if not math.isfinite(value):
        return "not a number" if math.isnan(value) else "infinity" if value > 0 else "-infinity"
    number, mark, exponent = f"{value:.{digits}g}".partition("e")
    return f"{number}e{int(exponent)}" if mark else number
