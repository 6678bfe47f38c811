"""The comparison of two releases as one HTML file: no script, nothing fetched, every text escaped."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from ml_model.comparison import Comparison, Moved
from ml_model.markup import Markup, joined, tag
from ml_model.plots import axis_over, histogram, scatter
from ml_model.scoring import Score
from ml_model.spec import ModelSpec
from ml_model.words import value_in_words

_STYLE = Markup(
    """
:root { color-scheme: light dark; --paper: #f6f5f1; --card: #fff; --ink: #1a242c; --muted: #55616b; --line: #e2dfd7;
  --accent: #0f5f5c; }
@media (prefers-color-scheme: dark) {
  :root { --paper: #0f1517; --card: #172023; --ink: #e9eded; --muted: #a5b2b6; --line: #2b373b;
    --accent: #74d3c8; }
}
body { margin: 0 auto; max-width: 70rem; padding: 2rem 1rem 4rem; background: var(--paper); color: var(--ink);
  font: 1rem/1.55 system-ui, sans-serif; }
h1 { margin: 0 0 .5rem; font-size: 2rem; line-height: 1.15; letter-spacing: -.02em; }
h2 { margin: 2.5rem 0 .75rem; font-size: 1.25rem; }
p { max-width: 62ch; margin: 0 0 .75rem; color: var(--muted); }
.verdict { color: var(--ink); font-size: 1.125rem; font-weight: 600; }
.plots { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 22rem), 1fr)); gap: 1rem; }
figure { margin: 0; padding: 1rem; border: 1px solid var(--line); border-radius: .9rem; background: var(--card); }
figcaption { margin-top: .5rem; color: var(--muted); font-size: .875rem; }
.plot { display: block; width: 100%; height: auto; color: var(--accent); }
.plot-text, .plot-grid, .plot-line { color: var(--muted); }
.table { overflow-x: auto; }
table { width: 100%; border-collapse: collapse; font-variant-numeric: tabular-nums; font-size: .9375rem; }
th, td { padding: .45rem .9rem .45rem 0; border-bottom: 1px solid var(--line); text-align: left; vertical-align: top; }
th { color: var(--muted); font-weight: 500; }
td { overflow-wrap: anywhere; min-width: 8.5em; }
ul { margin: 0; padding-left: 1.1rem; }
"""
)


def render_report(comparison: Comparison, *, tolerance: float, source: str) -> str:
    """Return the report; ``source`` names the rows, ``tolerance`` is the largest share of them that may move."""
    before, after = comparison.scorers
    title = f"{before.version} and {after.version} of {after.spec.model.title}"
    body = joined(
        tag("h1", title),
        tag("p", verdict(comparison, tolerance), class_="verdict"),
        tag("p", f"{comparison.rows:,} rows of {source}. {_left_out(comparison)} {scale_in_words(after.spec)}"),
        _plots(comparison),
        *_loss(comparison),
        *_slices(comparison),
        *_most(comparison),
        *_changes(comparison),
    )
    head = joined(
        tag("meta", charset="utf-8"),
        tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
        tag("title", title),
        tag("style", _STYLE),
    )
    return f"<!doctype html>\n{tag('html', tag('head', head), tag('body', tag('main', body)), lang='en')}\n"


def verdict(comparison: Comparison, tolerance: float) -> str:
    """Return whether the releases agree, in one sentence."""
    state = "within" if comparison.moved_share <= tolerance else "beyond"
    return (
        f"{comparison.moved_share:.1%} of the rows moved by more than {comparison.limit:g}, "
        f"{state} the tolerance of {tolerance:.1%} of the rows."
    )


def scale_in_words(spec: ModelSpec) -> str:
    """Return what a difference is."""
    if not spec.is_regression:
        return "A difference is half the sum of the absolute differences of the probabilities of all classes."
    if spec.target.transform == "log":
        return "A difference is the natural logarithm of the ratio of the answers: 0.05 is about 5 per cent."
    return "A difference is in standard deviations of the answers of the older release."


def _left_out(comparison: Comparison) -> str:
    return f"{comparison.left_out:,} more are left out, which one of the two cannot read." if comparison.left_out else ""


def _plots(comparison: Comparison) -> Markup:
    before, after = comparison.scorers
    old, new = comparison.answers
    spec = after.spec

    def words(value: float) -> str:
        return value_in_words(spec, value, short=True) if spec.is_regression else f"{value:.0%}"

    log = spec.target.transform == "log"
    across, up = (axis_over(f"Release {one.version}", old, new, words=words, log=log) for one in (before, after))
    middle, large = np.percentile(np.abs(comparison.moves), [50, 95])
    spread = f"Half of the rows moved by at most {middle:.4f}, 95 % by at most {large:.4f}."
    equal = f"Answers of {after.version} against those of {before.version}; on the line they are equal."
    differences = histogram(comparison.moves, "Difference", words=f"Distribution of the differences. {spread}")
    return tag(
        "div",
        tag("figure", scatter(old, new, across, up, words=equal, line="equal"), tag("figcaption", equal)),
        tag("figure", differences, tag("figcaption", f"Distribution of the differences. {spread}")),
        class_="plots",
    )


def _loss(comparison: Comparison) -> list[Markup]:
    found = comparison.loss
    if found is None:
        return [tag("h2", "Loss"), tag("p", "The true values are not known, so the losses cannot be compared.")]
    note = f"Metric: {comparison.metric}. Rows that a release has learnt from flatter it; the fixed test rows do not."
    return [tag("h2", "Loss"), tag("p", f"{str(found)[:1].upper()}{str(found)[1:]}.", class_="verdict"), tag("p", note)]


def _slices(comparison: Comparison) -> list[Markup]:
    if not comparison.slices:
        return []
    rows = [
        (one.label, f"{one.rows:,}", f"{one.moved_share:.1%}", f"{one.median_move:.4f}", str(one.loss) if one.loss else "–")
        for one in comparison.slices
    ]
    return [tag("h2", "By slice"), _table(("Slice", "Rows", "Moved", "Median difference", "Loss"), rows)]


def _most(comparison: Comparison) -> list[Markup]:
    if not comparison.most:
        return [tag("h2", "The rows that moved most"), tag("p", "No answer moved.")]
    note = (
        "The part of a field is the difference of the row less the difference that is left when both releases are given "
        "the field's example instead. Parts of fields that act together are counted in each, so they need not add up."
    )
    spec = comparison.scorers[1].spec
    rows = [_row(spec, one) for one in comparison.most]
    before, after = (scorer.version for scorer in comparison.scorers)
    heading = ("Line", before, after, "Difference", "Fields with the largest part")
    return [tag("h2", "The rows that moved most"), tag("p", note), _table(heading, rows)]


def _row(spec: ModelSpec, one: Moved) -> tuple[str | Markup, ...]:
    reasons = tag("ul", *(tag("li", f"{reason.field}: {reason.value} ({reason.part:+.4f})") for reason in one.reasons))
    return (str(one.line), _answer(spec, one.before), _answer(spec, one.after), f"{one.move:+.4f}", reasons)


def _answer(spec: ModelSpec, score: Score) -> str:
    if score.value is not None:
        return value_in_words(spec, score.value)
    share = (score.probabilities or {}).get(score.label or "", 0.0)
    return f"{dict(spec.target.classes).get(score.label or '', score.label)} {share:.1%}"


def _changes(comparison: Comparison) -> list[Markup]:
    if not comparison.changes:
        return [tag("h2", "What was changed"), tag("p", "Nothing: contract, data, libraries and code are the same.")]
    rows = [(one.kind, one.name, one.before or "–", one.after or "–") for one in comparison.changes]
    before, after = (scorer.version for scorer in comparison.scorers)
    return [tag("h2", "What was changed"), _table(("What", "Name", before, after), rows)]


def _table(heading: Sequence[str], rows: Iterable[Sequence[str | Markup]]) -> Markup:
    head = tag("tr", *(tag("th", text, scope="col") for text in heading))
    body = [tag("tr", *(tag("td", cell) for cell in row)) for row in rows]
    return tag("div", tag("table", tag("thead", head), tag("tbody", *body)), class_="table", tabindex="0")
