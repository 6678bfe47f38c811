"""API tokens in the admin."""

from __future__ import annotations

import datetime as dt
import re
import time
from typing import Any

import pytest
from django.contrib import admin
from django.contrib.auth.models import User
from django.contrib.sessions.models import Session
from django.db import transaction
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from knox.auth import TokenAuthentication
from knox.models import AuthToken
from rest_framework.exceptions import AuthenticationFailed

from predictions.models import ApiToken, TokenUse

ADD = reverse("admin:predictions_apitoken_add")
LIST = reverse("admin:predictions_apitoken_changelist")


@pytest.fixture
def root(db: None) -> Client:
    """The browser of a superuser."""
    client = Client()
    client.force_login(User.objects.create_superuser("root"))
    return client


def shown(page: str) -> str | None:
    """The token that a page shows."""
    found = re.search(r"<code>([0-9a-f]{64})</code>", page)
    return found[1] if found else None


def made(root: Client, user: User) -> str:
    """A new token, read from the page that follows."""
    token = shown(root.post(ADD, {"user": user.pk}, follow=True).content.decode())
    assert token
    return token


def opens(token: str) -> User | None:
    """Whom the API takes the bearer of a token for."""
    try:
        return TokenAuthentication().authenticate_credentials(token.encode())[0]
    except AuthenticationFailed:
        return None


def test_token_works_and_is_shown_once(root: Client, user: User) -> None:
    token = made(root, user)
    assert opens(token) == user
    assert shown(root.get(LIST).content.decode()) is None
    stored = AuthToken.objects.get()
    assert token not in {stored.digest, stored.token_key}
    assert all(token not in str(session.get_decoded()) for session in Session.objects.all())
    detail = root.get(reverse("admin:predictions_apitoken_change", args=[stored.pk])).content.decode()
    assert token not in detail


def test_deletion_revokes(root: Client, user: User) -> None:
    token = made(root, user)
    root.post(reverse("admin:predictions_apitoken_delete", args=[AuthToken.objects.get().pk]), {"post": "yes"})
    assert opens(token) is None
    token = made(root, user)
    root.post(LIST, {"action": "delete_selected", "_selected_action": [AuthToken.objects.get().pk], "post": "yes"})
    assert opens(token) is None


def test_expiry_must_be_ahead(root: Client, user: User) -> None:
    past, ahead = timezone.now() - dt.timedelta(minutes=1), timezone.now() + dt.timedelta(days=1)
    typed = {"user": user.pk, "expiry_0": f"{past:%Y-%m-%d}", "expiry_1": f"{past:%H:%M:%S}"}
    assert "in the future" in root.post(ADD, typed).content.decode()
    assert not AuthToken.objects.exists()
    root.post(ADD, typed | {"expiry_0": f"{ahead:%Y-%m-%d}"})
    assert AuthToken.objects.get().expiry > timezone.now()


def test_token_is_not_changed(root: Client, user: User) -> None:
    made(root, user)
    token = AuthToken.objects.get()
    other = User.objects.create_user("other")
    address = reverse("admin:predictions_apitoken_change", args=[token.pk])
    assert root.post(address, {"user": other.pk}).status_code == 403
    token.refresh_from_db()
    assert token.user == user


def test_the_admin_of_knox_is_gone() -> None:
    assert not admin.site.is_registered(AuthToken)
    assert admin.site.is_registered(ApiToken)


def test_a_new_token_ends_after_a_year_unless_somebody_chooses_otherwise(root: Client, user: User) -> None:
    form = root.get(ADD).content.decode()
    year = timezone.now() + dt.timedelta(days=365)
    assert f'value="{year:%Y-%m-%d}"' in form
    made(root, user)
    assert AuthToken.objects.get().expiry is None
    chosen = root.post(ADD, {"user": user.pk, "expiry_0": f"{year:%Y-%m-%d}", "expiry_1": "12:00:00"}, follow=True)
    assert opens(shown(chosen.content.decode()) or "") == user


@pytest.mark.parametrize(("ends_in", "status"), [(None, 200), (dt.timedelta(days=1), 200), (dt.timedelta(seconds=-1), 401)])
def test_a_token_is_valid_until_its_end(user: User, ends_in: dt.timedelta | None, status: int) -> None:
    _, token = AuthToken.objects.create(user, expiry=ends_in)
    client = Client(headers={"Authorization": f"Token {token}"})
    assert client.get("/api/v1/predictions/").status_code == status
    assert client.post("/api/v1/predictions/", {}, "application/json").status_code == (400 if status == 200 else 401)


def test_the_last_use_is_written_once_a_day_and_shown(root: Client, user: User, monkeypatch: pytest.MonkeyPatch) -> None:
    api = Client(headers={"Authorization": f"Token {AuthToken.objects.create(user)[1]}"})
    today = dt.datetime.now(dt.UTC).date()
    assert "Last used" in root.get(LIST).content.decode()
    assert not TokenUse.objects.exists()
    api.get("/api/v1/predictions/")
    assert TokenUse.objects.get().last_used_on == today
    assert f"{today:%b}"[:3] in root.get(LIST).content.decode()
    TokenUse.objects.update(last_used_on=dt.date(2020, 1, 1))
    api.get("/api/v1/predictions/")
    assert TokenUse.objects.get().last_used_on == dt.date(2020, 1, 1)
    tomorrow = time.time() + 86_400
    monkeypatch.setattr("predictions.token_uses.time.time", lambda: tomorrow)
    api.post("/api/v1/predictions/", {}, "application/json")
    assert TokenUse.objects.get().last_used_on == today + dt.timedelta(days=1)


def test_a_use_that_cannot_be_written_harms_nobody(user: User, monkeypatch: pytest.MonkeyPatch) -> None:
    api = Client(headers={"Authorization": f"Token {AuthToken.objects.create(user)[1]}"})
    with monkeypatch.context() as patch:
        patch.setattr("predictions.token_uses._STATEMENT", "INSERT INTO nowhere VALUES (%s, %s)")
        with transaction.atomic():
            assert api.get("/api/v1/predictions/").status_code == 200
            transaction.set_rollback(True)
    assert api.get("/api/v1/predictions/").status_code == 200
    assert TokenUse.objects.exists()


def test_a_new_password_ends_the_tokens_of_its_user_alone(root: Client, user: User) -> None:
    other = User.objects.create_user("other")
    tokens = {person: AuthToken.objects.create(person)[1] for person in (user, other)}
    address = reverse("admin:auth_user_password_change", args=[user.pk])
    assert "ends the tokens" in root.get(address).content.decode()
    root.post(address, {"password1": "a new phrase of words", "password2": "a new phrase of words"})
    user.refresh_from_db()
    assert user.check_password("a new phrase of words")
    assert opens(tokens[user]) is None
    assert opens(tokens[other]) == other


def test_a_log_in_and_a_stronger_hash_end_no_token(user: User, settings: Any) -> None:
    user.set_password("the same")
    user.save()
    _, token = AuthToken.objects.create(user)
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.PBKDF2PasswordHasher", *settings.PASSWORD_HASHERS]
    before = user.password
    assert user.check_password("the same")
    user.refresh_from_db()
    assert user.password != before
    user.last_login = timezone.now()
    user.save(update_fields=["last_login"])
    user.save()
    assert opens(token) == user
