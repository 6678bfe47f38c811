"""API tokens in the admin."""

from __future__ import annotations

import datetime as dt
import re

import pytest
from django.contrib import admin
from django.contrib.auth.models import User
from django.contrib.sessions.models import Session
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from knox.auth import TokenAuthentication
from knox.models import AuthToken
from rest_framework.exceptions import AuthenticationFailed

from predictions.models import ApiToken

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
