"""Plots of cost against size with two logarithmic axes, in the manner of the plots of the model card."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ml_model.markup import Markup, joined, tag
from ml_model.plots import Axis, axis_over

_WIDTH, _HEIGHT = 420.0, 320.0
_LEFT, _RIGHT, _TOP, _BOTTOM = 64.0, 14.0, 34.0, 54.0
_GREY = "#71808a"
_DASHES = ("none", "6 4")


@dataclass(frozen=True, kw_only=True)
class Series:
    """One line of a panel."""

    label: str
    x: Sequence[float]
    y: Sequence[float]


def panel(title: str, across: str, up: str, series: Sequence[Series]) -> Markup:
    """Return one plot of at most two lines; the second is dashed."""
    x = axis_over(across, *(np.array(one.x, dtype=float) for one in series), words=in_short, log=True)
    y = _roomy(axis_over(up, *(np.array(one.y, dtype=float) for one in series), words=in_short, log=True))
    grid: list[Markup] = [_word(title, _LEFT, 18, font_weight="600")]
    for value in _ticks(y):
        grid += [_rule(_LEFT, _up(y, value), _WIDTH - _RIGHT, _up(y, value))]
        grid += [_word(in_short(value), _LEFT - 7, _up(y, value) + 4, text_anchor="end")]
    grid += [_word(in_short(value), _across(x, value), _HEIGHT - _BOTTOM + 18, text_anchor="middle") for value in _ticks(x)]
    middle = (_TOP + _HEIGHT - _BOTTOM) / 2
    labels = [
        _word(across, (_LEFT + _WIDTH - _RIGHT) / 2, _HEIGHT - 12, text_anchor="middle"),
        _word(up, 13, middle, text_anchor="middle", transform=f"rotate(-90 13 {middle:g})"),
    ]
    return joined(*grid, *(part for one, dash in zip(series, _DASHES, strict=False) for part in _line(one, x, y, dash)), *labels)


def figure(panels: Sequence[Markup], words: str) -> Markup:
    """Return panels in two columns as one SVG that ``words`` describe."""
    rows = math.ceil(len(panels) / 2)
    placed = [
        tag("g", one, transform=f"translate({place % 2 * _WIDTH:g} {place // 2 * _HEIGHT:g})") for place, one in enumerate(panels)
    ]
    return tag(
        "svg",
        *placed,
        xmlns="http://www.w3.org/2000/svg",
        viewBox=f"0 0 {2 * _WIDTH:g} {rows * _HEIGHT:g}",
        color=_GREY,
        font_family="system-ui, sans-serif",
        font_size=13,
        role="img",
        aria_label=words,
    )


def in_short(value: float) -> str:
    """Return a number as it is written beside an axis: 20k, 1M, 0.5.

    >>> in_short(20_000), in_short(1e6), in_short(0.5)
    ('20k', '1M', '0.5')
    """
    for size, letter in ((1e6, "M"), (1e3, "k")):
        if value >= size * 0.999:
            return f"{value / size:g}{letter}"
    return f"{value:g}"


def _line(series: Series, x: Axis, y: Axis, dash: str) -> list[Markup]:
    places = [(_across(x, here), _up(y, there)) for here, there in zip(series.x, series.y, strict=True)]
    path = "M" + "L".join(f"{one:.1f} {other:.1f}" for one, other in places)
    dots = [tag("circle", cx=one, cy=other, r=3.5, fill="currentColor") for one, other in places]
    end, height = places[-1]
    label = _word(series.label, end, height - 10, text_anchor="end")
    return [tag("path", d=path, fill="none", stroke="currentColor", stroke_width=2, stroke_dasharray=dash), *dots, label]


def _roomy(axis: Axis) -> Axis:
    """At least a decade, so that a line without growth looks flat, and room above for the words at a line's end."""
    middle, half = math.sqrt(axis.low * axis.high), max(math.sqrt(axis.high / axis.low) * 1.2, 10**0.5)
    return Axis(label=axis.label, low=middle / half, high=middle * half, words=axis.words, log=True)


def _ticks(axis: Axis) -> list[float]:
    ticks = axis.ticks()
    decades = [tick for tick in ticks if abs(math.log10(tick) - round(math.log10(tick))) < 1e-9]
    return decades if len(decades) >= 3 else ticks


def _rule(x1: float, y1: float, x2: float, y2: float) -> Markup:
    return tag("line", x1=x1, y1=y1, x2=x2, y2=y2, stroke="currentColor", stroke_opacity=0.22)


def _word(text: str, x: float, y: float, **attributes: str) -> Markup:
    return tag("text", text, x=x, y=y, fill="currentColor", **attributes)


def _across(axis: Axis, value: float) -> float:
    return _LEFT + axis.at(value) * (_WIDTH - _LEFT - _RIGHT)


def _up(axis: Axis, value: float) -> float:
    return _HEIGHT - _BOTTOM - axis.at(value) * (_HEIGHT - _TOP - _BOTTOM)
