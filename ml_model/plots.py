"""Small plots as SVG: no script, no style, no other host.

Colours are ``currentColor`` and classes, so that a page sets them by its own theme; by itself a plot is drawn in a grey that
is read on white and on black. Every plot has its words in ``aria-label``.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ml_model.markup import Markup, joined, tag

Vector = npt.NDArray[np.float64]
Words = Callable[[float], str]
_WIDTH, _HEIGHT = 420.0, 320.0
_LEFT, _RIGHT, _TOP, _BOTTOM = 72.0, 14.0, 12.0, 54.0
_GREY = "#71808a"
_MOST_POINTS = 2000


@dataclass(frozen=True, kw_only=True)
class Axis:
    """One axis: its words and its ends."""

    label: str
    low: float
    high: float
    words: Words = "{:g}".format
    """How a number is written beside it."""
    log: bool = False

    def at(self, value: float) -> float:
        """Position between the ends, from 0 to 1."""
        low, high, here = (math.log(one) for one in (self.low, self.high, value)) if self.log else (self.low, self.high, value)
        return min(max((here - low) / (high - low), 0.0), 1.0)

    def ticks(self) -> list[float]:
        """Round numbers between the ends."""
        if self.log:
            powers = range(math.floor(math.log10(self.low)), math.ceil(math.log10(self.high)) + 1)
            marks = [mark * 10.0**power for power in powers for mark in (1, 2, 5)]
            return [mark for mark in marks if self.low <= mark <= self.high] or [self.low, self.high]
        step = _round_step((self.high - self.low) / 5)
        first = math.ceil(self.low / step - 1e-9)
        return [number * step for number in range(first, math.floor(self.high / step + 1e-9) + 1)]


def axis_over(label: str, *values: Vector, words: Words = "{:g}".format, log: bool = False) -> Axis:
    """Return an axis that has room for all values, each of shape (n,); a logarithmic one where all are positive and ``log``."""
    every = np.concatenate([one[np.isfinite(one)] for one in values]) if values else np.zeros(0)
    low, high = (float(every.min()), float(every.max())) if len(every) else (0.0, 1.0)
    if log and low > 0:
        return Axis(label=label, low=low / 1.05, high=high * 1.05, words=words, log=True)
    margin = (high - low) * 0.04 or max(abs(low) * 0.05, 0.5)
    return Axis(label=label, low=low - margin, high=high + margin, words=words)


def scatter(x: Vector, y: Vector, across: Axis, up: Axis, *, words: str, line: str = "") -> Markup:
    """Return points (n,) against each other, with the ``line`` of equality (``equal``), of zero (``zero``) or none.

    Of more than 2,000 points every so many-eth is drawn.
    """
    chosen = slice(None, None, max(1, math.ceil(len(x) / _MOST_POINTS)))
    points = [
        tag(
            "circle",
            cx=_across(across, one),
            cy=_up(up, other),
            r=2.6,
            fill="currentColor",
            fill_opacity=0.55,
            class_="plot-point",
        )
        for one, other in zip(x[chosen].tolist(), y[chosen].tolist(), strict=True)
    ]
    ends = {"equal": (max(across.low, up.low), min(across.high, up.high)), "zero": (0.0, 0.0)}.get(line)
    drawn: list[Markup] = []
    if ends and line == "zero":
        drawn = [_line(_LEFT, _up(up, 0.0), _WIDTH - _RIGHT, _up(up, 0.0))]
    elif ends:
        drawn = [_line(_across(across, ends[0]), _up(up, ends[0]), _across(across, ends[1]), _up(up, ends[1]))]
    return _framed(across, up, words, [*drawn, *points])


def histogram(values: Vector, label: str, *, words: str, written: Words = "{:g}".format, bins: int = 30) -> Markup:
    """Return how many values (n,) fall into each of ``bins`` steps of equal width."""
    counts, edges = np.histogram(values, bins=bins)
    across = Axis(label=label, low=float(edges[0]), high=float(edges[-1]), words=written)
    up = Axis(label="Rows", low=0.0, high=float(counts.max()) * 1.05 or 1.0)
    bars = []
    for count, left, right in zip(counts.tolist(), edges[:-1].tolist(), edges[1:].tolist(), strict=True):
        x, top = _across(across, left), _up(up, count)
        width = max(_across(across, right) - x - 1, 0.5)
        height = _HEIGHT - _BOTTOM - top
        bars.append(tag("rect", x=x, y=top, width=width, height=height, fill="currentColor", fill_opacity=0.7, class_="plot-bar"))
    return _framed(across, up, words, bars)


def intervals(groups: Sequence[tuple[str, float, float, float, float]], across: str, up: str, *, words: str) -> Markup:
    """Return observed shares with their intervals beside what was promised.

    A group is its label, the promised share, the observed one, and the ends of its interval.
    """
    least = min(min(promised, low) for _, promised, _, low, _ in groups)
    share = Axis(label=up, low=max(0.0, math.floor(least * 10) / 10), high=1.0, words="{:.0%}".format)
    width = (_WIDTH - _LEFT - _RIGHT) / len(groups)
    parts: list[Markup] = []
    for position, (label, promised, observed, low, high) in enumerate(groups):
        x = _LEFT + (position + 0.5) * width
        parts += [
            _line(x - width * 0.45, _up(share, promised), x + width * 0.45, _up(share, promised)),
            tag(
                "line",
                x1=x,
                x2=x,
                y1=_up(share, low),
                y2=_up(share, high),
                stroke="currentColor",
                stroke_width=2,
                class_="plot-bar",
            ),
            tag("circle", cx=x, cy=_up(share, observed), r=5, fill="currentColor", class_="plot-dot"),
            _word(label, x, _HEIGHT - _BOTTOM + 18, text_anchor="middle"),
        ]
    return _framed(Axis(label=across, low=0, high=1), share, words, parts, marks=False)


def _framed(across: Axis, up: Axis, words: str, inside: Sequence[Markup], *, marks: bool = True) -> Markup:
    floor, grid = _HEIGHT - _BOTTOM, []
    for value in up.ticks():
        y = _up(up, value)
        grid.append(
            tag("line", x1=_LEFT, x2=_WIDTH - _RIGHT, y1=y, y2=y, stroke="currentColor", stroke_opacity=0.22, class_="plot-grid")
        )
        grid.append(_word(up.words(value), _LEFT - 7, y + 4, text_anchor="end"))
    taken = -math.inf
    for value in across.ticks() if marks else ():
        x, text = _across(across, value), across.words(value)
        if x - len(text) * 3.6 > taken:
            taken = x + len(text) * 3.6 + 4
            grid.append(_word(text, x, floor + 18, text_anchor="middle"))
    labels = [
        _word(across.label, (_LEFT + _WIDTH - _RIGHT) / 2, _HEIGHT - 12, text_anchor="middle"),
        _word(up.label, 13, (_TOP + floor) / 2, text_anchor="middle", transform=f"rotate(-90 13 {(_TOP + floor) / 2:g})"),
    ]
    return tag(
        "svg",
        joined(*grid, *inside, *labels),
        xmlns="http://www.w3.org/2000/svg",
        viewBox=f"0 0 {_WIDTH:g} {_HEIGHT:g}",
        class_="plot",
        color=_GREY,
        font_family="system-ui, sans-serif",
        font_size=13,
        role="img",
        aria_label=words,
    )


def _line(x1: float, y1: float, x2: float, y2: float) -> Markup:
    dashed = {"stroke": "currentColor", "stroke_width": "2", "stroke_dasharray": "5 4", "class_": "plot-line"}
    return tag("line", x1=x1, y1=y1, x2=x2, y2=y2, **dashed)


def _word(text: str, x: float, y: float, **attributes: str) -> Markup:
    return tag("text", text, x=x, y=y, fill="currentColor", class_="plot-text", **attributes)


def _across(axis: Axis, value: float) -> float:
    return _LEFT + axis.at(value) * (_WIDTH - _LEFT - _RIGHT)


def _up(axis: Axis, value: float) -> float:
    return _HEIGHT - _BOTTOM - axis.at(value) * (_HEIGHT - _TOP - _BOTTOM)


def _round_step(rough: float) -> float:
    power = 10.0 ** math.floor(math.log10(rough))
    return next(step * power for step in (1, 2, 2.5, 5, 10) if step * power >= rough * 0.999)
