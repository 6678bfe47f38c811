"""Ways through the site in a real browser: by keyboard alone, without JavaScript, and back again."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from ml_model.spec import ModelSpec
from ml_model.tables import NUMERIC, FieldTable
from predictions.forms import texts_of
from predictions.models import Prediction
from predictions.presentation import amount
from tests.browser.conftest import OpenPage

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
_MOST_KEYS = 400


def tab_to(page: Page, selector: str) -> None:
    """Press Tab until the control is focused; it must come within reach, and be seen when it does."""
    for _ in range(_MOST_KEYS):
        page.keyboard.press("Tab")
        if page.evaluate("selector => document.activeElement.matches(selector)", selector):
            outline = "getComputedStyle(document.activeElement).outlineStyle"
            assert page.evaluate(outline) != "none", f"{selector} does not show that it is focused"
            return
    pytest.fail(f"Tab does not lead to {selector}")


def headline(page: Page) -> str:
    return page.locator(".headline").inner_text()


def answer_by_keyboard(page: Page, field: FieldTable, text: str) -> None:
    control = page.locator(f"[name={field.name}]").first
    tab_to(page, f"[name={field.name}]")
    if control.get_attribute("type") == "radio":
        page.keyboard.press("Space")
        while page.evaluate("document.activeElement.value") != text:
            page.keyboard.press("ArrowRight")
    else:
        words = {str(choice): meaning for choice, meaning in field.choices}
        page.keyboard.type(words.get(text, text))


def test_the_form_is_filled_and_sent_by_keyboard(open_page: OpenPage, spec: ModelSpec):
    page = open_page("/")
    typed = texts_of(spec.example())
    for field in needed(spec):
        answer_by_keyboard(page, field, typed[field.name])
    tab_to(page, "#record .send button")
    with page.expect_navigation():
        page.keyboard.press("Enter")
    stored = Prediction.objects.get()
    assert [field.name for field in needed(spec) if stored.inputs[field.name] != field.example] == []
    assert headline(page) == amount(spec.target, stored.value, low=stored.low, high=stored.high)


def needed(spec: ModelSpec) -> list[FieldTable]:
    """The questions that need an answer, in the order of the page."""
    return [field for section in spec.section for field in spec.field if field.section == section.name and field.required]


def test_errors_are_focused_and_lead_to_their_questions(open_page: OpenPage, spec: ModelSpec):
    page = open_page("/")
    with page.expect_navigation():
        page.locator("#record .send button").click()
    expect(page.locator(".summary")).to_be_focused()
    tab_to(page, ".summary li:first-child a")
    page.keyboard.press("Enter")
    expect(page.locator(f"[name={needed(spec)[0].name}]").first).to_be_focused()


def test_an_error_in_a_folded_question_is_seen(open_page: OpenPage, spec: ModelSpec):
    field = next(one for one in spec.field if one.kind in NUMERIC and not one.required)
    page = open_page("/")
    page.locator(f"details:has(#id_{field.name}) > summary").click()
    page.locator(f"#id_{field.name}").fill("much")
    with page.expect_navigation():
        page.locator("#record .send button").click()
    expect(page.locator(f"#id_{field.name}")).to_be_visible()
    expect(page.locator(f"#id_{field.name}")).to_have_value("much")


def test_everything_works_without_javascript(open_page: OpenPage, spec: ModelSpec):
    page = open_page("/", java_script_enabled=False)
    page.locator(".chips a").first.click()
    page.locator("#record .send button").click()
    page.wait_for_url("**/predictions/*/")
    page.get_by_role("link", name="Change and predict again").click()
    field = next(one for one in spec.field if one.kind in NUMERIC and one.required)
    box = page.locator(f"#id_{field.name}")
    expect(box).to_have_value(texts_of(spec.example())[field.name])
    box.fill(str(int(field.trained[1])))
    page.locator("#record .send button").click()
    page.wait_for_url("**/predictions/*/")
    page.locator("summary", has_text="JSON").click()
    expect(page.locator("#json")).to_be_visible()
    expect(page.locator(".copy").first).to_be_hidden()
    assert Prediction.objects.count() == 2


def test_a_double_click_stores_one_row(open_page: OpenPage):
    page = open_page("/")
    page.locator(".chips a").first.click()
    page.locator("#record .send button").dblclick(no_wait_after=True)
    page.wait_for_url("**/predictions/*/")
    assert Prediction.objects.count() == 1


def test_going_back_keeps_the_values_and_a_change_is_answered_anew(open_page: OpenPage, spec: ModelSpec):
    field = next(one for one in spec.field if one.kind in NUMERIC and one.required)
    page = open_page("/")
    page.locator(".chips a").first.click()
    for value in (field.trained[0], field.trained[1]):
        page.locator(f"#id_{field.name}").fill(str(int(value)))
        with page.expect_navigation():
            page.locator("#record .send button").click()
        page.go_back()
        expect(page.locator(f"#id_{field.name}")).to_have_value(str(int(value)))
    assert {row.inputs[field.name] for row in Prediction.objects.all()} == {int(field.trained[0]), int(field.trained[1])}


def test_the_skip_link_comes_first_and_leads_to_the_content(open_page: OpenPage):
    page = open_page("/")
    page.keyboard.press("Tab")
    expect(page.locator(".skip")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("main")).to_be_focused()


def test_the_command_for_the_api_is_copied(open_page: OpenPage):
    page = open_page("/", permissions=["clipboard-read", "clipboard-write"])
    page.locator("summary", has_text="API").click()
    page.locator("[data-copy=curl]").click()
    expect(page.locator("[data-copy=curl]")).to_have_text("Copied")
    assert page.evaluate("navigator.clipboard.readText()") == page.locator("#curl").inner_text()
