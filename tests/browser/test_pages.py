"""Pages in a real browser: accessible, at home on small screens, in the dark, and under the content security policy."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.utils.http import urlencode
from playwright.sync_api import Page, expect

from ml_model.spec import parse_spec
from predictions import embedded
from predictions.forms import texts_of
from predictions.models import Prediction
from tests.browser.conftest import OpenPage

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
_WCAG = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}


def send(page: Page) -> None:
    with page.expect_navigation():
        page.locator("#record .send button").click()


def fill(page: Page) -> None:
    """Fill the form with the first example, which is a page of its own."""
    with page.expect_navigation():
        page.locator(".chips a").first.click()


def unfold(page: Page) -> None:
    """Open everything that is folded, as a reader would."""
    folded = page.locator("details:not([open]) > summary:visible")
    while folded.count():
        folded.last.click()


def check(page: Page) -> None:
    """Fail where a reader with a small screen, other eyes or a keyboard would be stopped, or the browser refused a resource."""
    for width in (1280, 390, 320):
        page.set_viewport_size({"width": width, "height": 900})
        found = Axe().run(page, options=_WCAG).response["violations"]
        assert [(width, one["id"], [node["html"] for node in one["nodes"]]) for one in found] == []
        assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert page.evaluate("window.violations") == []


def empty(page: Page) -> None:
    unfold(page)


def errors(page: Page) -> None:
    send(page)
    unfold(page)


def example(page: Page) -> None:
    fill(page)
    unfold(page)


def result(page: Page) -> None:
    fill(page)
    send(page)
    unfold(page)


def warned(page: Page) -> None:
    spec = embedded.live().spec
    field = next(one for one in spec.field if one.range and one.trained and one.range[1] > one.trained[1] + 1)
    page.goto(f"/?{urlencode({**texts_of(spec.example()), field.name: int(field.range[1])})}")
    send(page)
    expect(page.locator(".careful")).to_be_visible()


def stale(page: Page) -> None:
    fill(page)
    page.context.clear_cookies()
    send(page)
    expect(page.locator(".summary")).to_be_focused()


def history(page: Page) -> None:
    result(page)
    page.goto("/predictions/")
    expect(page.locator(".past li")).to_have_count(1)


def model(page: Page) -> None:
    page.goto("/model/")
    unfold(page)


def no_history(page: Page) -> None:
    page.goto("/predictions/")


def missing(page: Page) -> None:
    page.goto("/nowhere/")


@pytest.mark.parametrize("color_scheme", ["light", "dark"])
@pytest.mark.parametrize("reach", [empty, errors, example, stale, result, warned, history, no_history, model, missing])
def test_a_page_has_no_barriers(open_page: OpenPage, reach, color_scheme):
    page = open_page("/", color_scheme=color_scheme)
    reach(page)
    check(page)


@pytest.mark.parametrize("color_scheme", ["light", "dark"])
def test_the_answer_of_a_classification_has_no_barriers(open_page: OpenPage, monkeypatch, color_scheme):
    page = open_page("/", color_scheme=color_scheme)
    result(page)
    penguins = parse_spec((Path(__file__).parent.parent / "data" / "penguins.toml").read_text("utf-8"))
    monkeypatch.setattr(embedded, "spec_of", lambda model, version: penguins)
    shares = {"Adelie": 0.71, "Chinstrap": 0.285, "Gentoo": 0.005}
    Prediction.objects.update(value=None, low=None, high=None, level=None, label="Adelie", probabilities=shares)
    page.reload()
    expect(page.locator(".headline")).to_have_text("Adélie")
    expect(page.locator(".shares tbody tr")).to_have_text(
        [re.compile("Adélie *71%"), re.compile("Chinstrap *28%"), re.compile("Gentoo *under 1%")]
    )
    check(page)


@pytest.mark.parametrize("reach", [empty, result, history, model])
def test_what_is_clicked_is_large_enough(open_page: OpenPage, reach):
    page = open_page("/", width=320)
    reach(page)
    small = page.evaluate(
        """[...document.querySelectorAll("button, select, summary, nav a, .button, .chips a, input:not([type=hidden])")]
           .filter(one => one.checkVisibility()).map(one => [one.outerHTML.slice(0, 80), one.getBoundingClientRect()])
           .filter(([, box]) => box.width < 24 || box.height < 24).map(([html]) => html)"""
    )
    assert small == []
