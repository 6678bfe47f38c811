import re
from html.parser import HTMLParser

import pytest

from ml_model.comparison import compare
from ml_model.csv_files import read_table
from ml_model.report import render_report, verdict
from tests.ml_model.test_comparison import Shifted

ATTACK = "<script>alert(1)</script>"


class Outline(HTMLParser):
    """What a document asks a browser to fetch or to run."""

    def __init__(self):
        super().__init__()
        self.tags, self.odd = [], []

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)
        self.odd += [name for name, _ in attributes if name in {"src", "href", "srcset"} or name.startswith("on")]


@pytest.fixture
def found(scorers, data_folder):
    concrete = scorers["concrete"]
    table = read_table(data_folder / "concrete.csv")
    return compare(
        concrete, Shifted(concrete, lambda one: one.value + one.record["water"] / 10), table, limit=0.05, test_only=True
    )


def test_a_report_stands_by_itself(found):
    html = render_report(found, tolerance=0.02, source="the fixed test set")
    outline = Outline()
    outline.feed(html)
    assert outline.odd == []
    assert {"script", "link", "img", "iframe", "object"}.isdisjoint(outline.tags)
    assert outline.tags.count("svg") == 2
    assert outline.tags.count("h1") == 1
    assert not re.search(r"https?://(?!www\.w3\.org/2000/svg)|url\(|@import", html)


def test_a_report_names_what_moved_and_why(found):
    html = render_report(found, tolerance=0.02, source="rows")
    assert verdict(found, 0.02) in html
    for moved in found.most:
        assert f"<td>{moved.line}</td>" in html
        assert f"{moved.move:+.4f}" in html
    assert found.most[0].reasons[0].field in html
    assert str(found.loss)[1:] in html
    for one in found.slices:
        assert one.label in html


def test_every_text_is_escaped(found):
    html = render_report(found, tolerance=0.02, source=ATTACK)
    assert ATTACK not in html
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in html


@pytest.mark.parametrize("name", ["penguins", "credit", "concrete"])
def test_a_report_of_no_difference(name, scorers, data_folder):
    scorer = scorers[name]
    table = read_table(data_folder / f"{name}.csv").drop(columns=scorer.spec.target.column)
    html = render_report(compare(scorer, scorer, table, limit=0.05, test_only=False), tolerance=0.0, source="rows")
    for told in ("No answer moved.", "true values are not known", "Nothing: contract", "within the tolerance"):
        assert told in html
