"""The pages over HTTP: what is shown, stored and refused, and to whom."""

import json
import re
import time

import pytest
from django.contrib.auth.models import Permission, User
from django.contrib.sessions.models import Session
from django.test import Client
from django.urls import reverse

from ml_model.records import in_words
from predictions import embedded
from predictions.embedded import ModelUnavailable
from predictions.forms import texts_of
from predictions.models import Prediction
from predictions.presentation import amount

pytestmark = pytest.mark.django_db
FORM = "/"


@pytest.fixture
def typed(spec):
    return texts_of(spec.example())


def submission_of(response) -> str:
    return re.search(r'name="_submission" value="([0-9a-f]{32})"', response.content.decode())[1]


def asked(client, typed) -> Prediction:
    """Send the form as a browser would, and return what was stored."""
    key = submission_of(client.get(FORM))
    response = client.post(FORM, {**typed, "_submission": key})
    assert response.status_code == 303
    return Prediction.objects.get(pk=response["Location"].split("/")[2])


def test_the_empty_form_asks_every_question(client, spec):
    html = client.get(FORM).content.decode()
    assert [field.name for field in spec.field if f'name="{field.name}"' not in html] == []
    assert html.count("<h1") == 1


def test_the_example_link_fills_in_the_form(client, spec, number):
    link = re.search(r'href="(/\?[^"]+)"', client.get(FORM).content.decode())[1].replace("&amp;", "&")
    html = client.get(link).content.decode()
    assert f'name="{number.name}" value="{spec.example()[number.name]}"' in html
    assert html.count(" selected>") + html.count(" checked>") > 0


def test_the_example_link_is_short_and_a_parameter_beside_it_counts_more(client, number):
    link = re.search(r'href="(/\?[^"]+)"', client.get(FORM).content.decode())[1]
    assert len(link) < 100
    assert f'name="{number.name}" value="77"' in client.get(link, {number.name: "77"}).content.decode()


@pytest.mark.parametrize("end", ["x", ""])
def test_a_long_answer_is_refused_in_no_time(client, typed, spec, end):
    long = dict.fromkeys(typed, "1" * (200_000 // len(typed)) + end)
    began = time.process_time()
    assert client.post(FORM, long).status_code == 422
    assert client.get(FORM, {name: text[:7000] for name, text in long.items()}).status_code == 200
    assert Client(enforce_csrf_checks=True).post(FORM, long).status_code == 403
    assert time.process_time() - began < 5


@pytest.mark.parametrize("text", ["{:,}", "{:,}.0", "\u00a0{:,}\u200b", "{:,} sq ft"])
def test_numbers_are_read_as_the_hints_write_them(client, spec, typed, text):
    field = next(one for one in spec.field if one.unit == "sq ft" and one.range[1] > 2000)
    shown = text.format(int(field.range[1]))
    assert asked(client, {**typed, field.name: shown}).inputs[field.name] == field.range[1]


def test_a_link_may_fill_in_one_question_and_say_what_nobody_asked(client, number):
    html = client.get(FORM, {number.name: "<script>alert(1)</script>", "utm_source": "letter"}).content.decode()
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in html
    assert "<script>alert" not in html


def test_an_answer_is_stored_and_shown_after_a_redirect(client, spec, typed):
    prediction = asked(client, typed)
    assert prediction.source == Prediction.Source.FORM
    assert prediction.user is None
    assert prediction.inputs == embedded.live().validator.validate([spec.example()])[0]
    html = client.get(reverse("prediction", args=[prediction.pk])).content.decode()
    shown = amount(spec.target, prediction.value, low=prediction.low, high=prediction.high)
    assert f'<span class="headline">{shown}</span>' in html
    assert html.count("<h1") == 1
    assert prediction.model_version in html


def test_the_result_echoes_every_input_in_words_and_as_json(client, spec, typed):
    prediction = asked(client, typed)
    response = client.get(reverse("prediction", args=[prediction.pk]))
    rows = {row for group in response.context["groups"] for row in group.rows}
    assert {(field.label, in_words(field, prediction.inputs[field.name])) for field in spec.field} <= rows
    facts = json.loads(response.context["json"])
    assert (facts["value"], facts["inputs"]) == (prediction.value, prediction.inputs)
    assert "curl http://testserver/api/v1/predictions/" in response.context["curl"]


def test_a_value_that_the_model_has_not_learnt_from_is_answered_with_a_warning(client, spec, typed):
    field = next(one for one in spec.field if one.trained and one.range[1] > one.trained[1] + 1)
    prediction = asked(client, {**typed, field.name: str(int(field.range[1]))})
    html = client.get(reverse("prediction", args=[prediction.pk])).content.decode()
    assert "Take this answer with care" in html
    assert field.label in html


def test_a_double_click_stores_one_row(client, typed):
    sent = {**typed, "_submission": submission_of(client.get(FORM))}
    first, second = client.post(FORM, sent), client.post(FORM, sent)
    assert first["Location"] == second["Location"]
    assert Prediction.objects.count() == 1


def test_a_new_visitor_has_a_key_before_sending_so_that_both_clicks_carry_it(client, typed):
    cookie = client.get(FORM).cookies["visitor"]
    assert (cookie["httponly"], cookie["samesite"]) == (True, "Lax")
    assert re.fullmatch(r"[0-9a-f]{32}", cookie.value.split(":")[0])
    assert asked(client, typed).visitor == cookie.value.split(":")[0]


def test_no_page_of_a_visitor_needs_or_writes_a_session(client, typed, django_assert_num_queries):
    with django_assert_num_queries(0):
        assert client.get(FORM).status_code == 200
    prediction = asked(client, typed)
    for route in ("prediction", "again"):
        assert client.get(reverse(route, args=[prediction.pk])).status_code == 200
    assert str(prediction.pk) in client.get(reverse("history")).content.decode()
    assert Session.objects.count() == 0
    assert "sessionid" not in client.cookies


@pytest.mark.parametrize("forged", ["", "0" * 32, "0" * 32 + ":1abcde:" + "x" * 43, "\x00", "é", "x" * 4000])
def test_a_forged_key_of_a_visitor_is_none(client, typed, forged):
    victim = asked(Client(), typed)
    client.cookies["visitor"] = forged.replace("0" * 32, victim.visitor)
    assert client.get(reverse("prediction", args=[victim.pk])).status_code == 404
    assert client.get(FORM).status_code == 200


def test_a_visitor_with_a_session_of_an_earlier_version_keeps_the_history(client, typed):
    earlier = asked(Client(), typed)
    session = client.session
    session["visitor"] = earlier.visitor
    session.save()
    client.get(FORM)
    del client.cookies["sessionid"]
    assert str(earlier.pk) in client.get(reverse("history")).content.decode()


def test_what_a_user_asked_is_not_shown_to_the_next_one_at_the_same_browser(client, typed):
    client.force_login(User.objects.create_user("someone"))
    prediction = asked(client, typed)
    del client.cookies["sessionid"]
    own = asked(client, typed)
    other = User.objects.create_user("other")
    assert own.visitor == prediction.visitor
    for _ in range(2):
        assert client.get(reverse("prediction", args=[prediction.pk])).status_code == 404
        html = client.get(reverse("history")).content.decode()
        assert str(prediction.pk) not in html
        assert str(own.pk) in html
        client.force_login(other)


def test_a_form_that_is_changed_after_going_back_is_answered_anew(client, typed, number):
    sent = {**typed, "_submission": submission_of(client.get(FORM))}
    first = client.post(FORM, sent)
    second = client.post(FORM, {**sent, number.name: str(int(number.trained[1]))})
    assert first["Location"] != second["Location"]
    assert Prediction.objects.count() == 2


@pytest.mark.parametrize("key", ["", "x" * 5000, "\x00", "<script>"])
def test_any_key_of_a_submission_is_taken(client, typed, key):
    assert client.post(FORM, {**typed, "_submission": key}).status_code == 303


def test_errors_keep_what_was_typed_and_are_linked_to_their_questions(client, typed, number):
    response = client.post(FORM, {**typed, number.name: "1440,500", "_submission": "a" * 32})
    html = response.content.decode()
    assert response.status_code == 422
    assert Prediction.objects.count() == 0
    box = re.search(rf'<input[^>]*name="{number.name}"[^>]*>', html)[0]
    assert 'value="1440,500"' in box
    assert 'aria-invalid="true"' in box
    assert f'aria-describedby="id_{number.name}_helptext id_{number.name}_error"' in box
    assert f'id="id_{number.name}_error"' in html
    summary = re.search(r'<div class="summary" role="alert" tabindex="-1" autofocus>(.*?)</div>', html, re.DOTALL)[1]
    assert f'<a href="#id_{number.name}">{number.label} must be a' in summary
    assert "digits only with a point for decimals; got &#x27;1440,500&#x27;." in summary
    assert "<title>Error: " in html
    assert submission_of(response) == "a" * 32


@pytest.mark.parametrize(
    "text", ["", "twelve", "1_000", "１２", "1e999", "nan", "-0,5", "9" * 5000, "\x00", "\ud7ff\ufffe", "null", "[]"]
)
def test_no_text_is_taken_for_a_number_that_it_is_not(client, typed, number, text):
    response = client.post(FORM, {**typed, number.name: text})
    assert response.status_code == 422
    assert f"#id_{number.name}" in response.content.decode()
    assert Prediction.objects.count() == 0


def test_script_in_every_field_is_escaped(client, typed):
    attack = '"><script>alert(1)</script>'
    html = client.post(FORM, dict.fromkeys([*typed, "_submission"], attack)).content.decode()
    assert "<script>alert" not in html
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in html


def test_script_in_a_stored_row_is_escaped(client, typed):
    prediction = asked(client, typed)
    attack = "</code><script>alert(1)</script>"
    prediction.inputs = {**prediction.inputs, "x": attack}
    prediction.warnings = [{"field": "x", "code": "outside_training", "detail": attack}]
    prediction.model_version = "9.9.9"
    prediction.save()
    for url in (reverse("prediction", args=[prediction.pk]), reverse("history")):
        response = client.get(url)
        assert response.status_code == 200
        assert "<script>alert" not in response.content.decode()


def test_changing_an_earlier_prediction_starts_from_its_values(client, typed, number):
    prediction = asked(client, {**typed, number.name: str(int(number.trained[1]))})
    html = client.get(reverse("again", args=[prediction.pk])).content.decode()
    assert f'name="{number.name}" value="{int(number.trained[1])}"' in html


@pytest.mark.parametrize("route", ["prediction", "again"])
def test_only_who_asked_and_staff_who_may_see_a_prediction(client, typed, route, django_user_model):
    url = reverse(route, args=[asked(client, typed).pk])
    assert client.get(url).status_code == 200
    assert Client().get(url).status_code == 404
    other, staff = (django_user_model.objects.create_user(name, password="x") for name in ("other", "staff"))
    staff.user_permissions.add(Permission.objects.get(codename="view_prediction"))
    for user, status in ((other, 404), (staff, 200)):
        visitor = Client()
        visitor.force_login(user)
        assert visitor.get(url).status_code == status


def test_a_users_predictions_follow_the_user(client, typed):
    user = User.objects.create_user("someone", password="x")
    client.force_login(user)
    prediction = asked(client, typed)
    assert prediction.user == user
    elsewhere = Client()
    elsewhere.force_login(user)
    assert elsewhere.get(reverse("prediction", args=[prediction.pk])).status_code == 200


def test_history_lists_ones_own_and_nobody_elses(client, typed):
    own, others = asked(client, typed), asked(Client(), typed)
    html = client.get(reverse("history")).content.decode()
    assert str(own.pk) in html
    assert str(others.pk) not in html
    assert "Nothing here yet" in Client().get(reverse("history")).content.decode()


def test_history_is_paged_newest_first(client, typed):
    first = asked(client, typed)
    rows = [
        Prediction(visitor=first.visitor, source="form", model_version=first.model_version, inputs=first.inputs, value=float(row))
        for row in range(60)
    ]
    Prediction.objects.bulk_create(rows)
    page = client.get(reverse("history"))
    assert [row[0] for row in page.context["rows"]] == list(Prediction.objects.order_by("-id")[:50])
    for number, shown in (("2", 11), ("9", 11), ("no", 50)):
        assert len(client.get(reverse("history"), {"page": number}).context["rows"]) == shown


def test_a_missing_token_gives_the_form_back_with_what_was_typed(typed, number):
    client = Client(enforce_csrf_checks=True)
    response = client.post(FORM, {**typed, number.name: "12321"})
    html = response.content.decode()
    assert response.status_code == 403
    assert 'value="12321"' in html
    assert "Nothing is lost" in html
    assert Prediction.objects.count() == 0
    token = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', html)[1]
    again = client.post(FORM, {**typed, "csrfmiddlewaretoken": token, "_submission": submission_of(response)})
    assert again.status_code == 303


@pytest.mark.parametrize("body", [b"\xff\xfe=\xff", b"%00=%00", b"%ED%A0%80=1", b"a" * 5000, b"&&&===", b""])
def test_no_bytes_break_the_form(client, body):
    response = client.post(FORM, body, content_type="application/x-www-form-urlencoded")
    assert response.status_code == 422


def test_other_methods_are_refused(client):
    response = client.put(FORM)
    assert response.status_code == 405
    assert response["Allow"] == "GET, HEAD, POST"


def test_without_a_live_model_each_page_says_so(client, typed, monkeypatch):
    prediction = asked(client, typed)

    def unavailable():
        raise ModelUnavailable("none")

    monkeypatch.setattr(embedded, "live", unavailable)
    for url in (FORM, reverse("again", args=[prediction.pk])):
        response = client.get(url)
        assert response.status_code == 503
        assert response["Retry-After"]
        assert "No answers just now" in response.content.decode()
    assert client.post(FORM, typed).status_code == 503
    assert client.get(reverse("prediction", args=[prediction.pk])).status_code == 200


def test_pages_stay_out_of_shared_caches(client, typed):
    prediction = asked(client, typed)
    assert client.get(FORM)["Cache-Control"] == "private"
    for url in (reverse("history"), *(reverse(name, args=[prediction.pk]) for name in ("prediction", "again"))):
        assert set(client.get(url)["Cache-Control"].split(", ")) == {"private", "no-store"}


def test_a_form_that_was_typed_into_is_kept_by_no_cache(client, typed):
    for strict, status in ((client, 422), (Client(enforce_csrf_checks=True), 403)):
        refused = strict.post(FORM, typed | {next(iter(typed)): "?"})
        assert refused.status_code == status
        assert "no-store" in refused["Cache-Control"]


def test_staff_see_the_way_to_the_admin(client, admin_client):
    assert 'href="/admin/"' not in client.get(FORM).content.decode()
    assert 'href="/admin/"' in admin_client.get(FORM).content.decode()
