"""``manage.py create_api_token``."""

from __future__ import annotations

import io

import pytest
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from django.utils import timezone
from knox.models import AuthToken

from tests.predictions.door import Api

pytestmark = pytest.mark.django_db


def create(name):
    printed = io.StringIO()
    call_command("create_api_token", name, stdout=printed)
    return printed.getvalue()


def test_it_prints_one_token_that_opens_the_api():
    printed = create("newcomer")
    token = printed.removesuffix("\n")
    assert token.isalnum()
    assert Api().get("predictions/", headers={"Authorization": f"Token {token}"}).status_code == 200
    assert not User.objects.get(username="newcomer").has_usable_password()


def test_a_user_who_is_there_keeps_the_older_token_and_the_password():
    User.objects.create_user("known", password="a password")
    tokens = {create("known"), create("known")}
    for token in tokens:
        assert Api().get("predictions/", headers={"Authorization": f"Token {token.strip()}"}).status_code == 200
    assert len(tokens) == 2
    assert User.objects.get(username="known").check_password("a password")


@pytest.mark.parametrize("name", ["", "two words", "x" * 151, "a\x00b"])
def test_a_name_that_no_user_may_have_is_refused(name):
    with pytest.raises(CommandError, match="cannot be the name of a user"):
        create(name)
    assert not User.objects.exists()


def test_a_user_who_is_not_active_gets_none():
    User.objects.create_user("gone", is_active=False)
    with pytest.raises(CommandError, match="not active"):
        create("gone")


@pytest.mark.parametrize(("words", "days"), [([], 365), (["--days", "30"], 30), (["--days", "0"], None)])
def test_a_token_ends_after_so_many_days(db, capsys, words, days):
    call_command("create_api_token", "program", *words)
    expiry = AuthToken.objects.get().expiry
    assert (expiry and round((expiry - timezone.now()).total_seconds() / 86_400, 3)) == days


@pytest.mark.parametrize("days", ["-1", "36501", "99999999999999999999"])
def test_days_that_cannot_be_are_refused(db, days):
    with pytest.raises(CommandError, match="from 0 to 36500"):
        call_command("create_api_token", "program", "--days", days)
    assert not User.objects.filter(username="program").exists()
