"""``create_demo_accounts``."""

from __future__ import annotations

import io
import json
import stat
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from django.test import Client
from django.urls import reverse
from knox.auth import TokenAuthentication
from knox.models import AuthToken

pytestmark = pytest.mark.django_db


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Where the secrets go: a folder that is not there yet."""
    return tmp_path / "var" / "demo.json"


def run(file: Path, **options: Any) -> str:
    """Run the command and return what it prints."""
    out = io.StringIO()
    call_command("create_demo_accounts", file, stdout=out, **options)
    return out.getvalue()


def secrets(file: Path) -> dict[str, dict[str, str]]:
    """What the file holds, after a look whether it opens the doors."""
    kept: dict[str, dict[str, str]] = json.loads(file.read_text())
    client = Client()
    assert client.post(reverse("admin:login"), kept["reviewer"]).status_code == 302
    assert client.get(reverse("admin:predictions_prediction_changelist")).status_code == 200
    user, _ = TokenAuthentication().authenticate_credentials(kept["api"]["token"].encode())
    assert user.username == kept["api"]["username"]
    assert not user.is_staff
    return kept


def test_accounts_open_their_doors_and_the_file_is_private(file: Path) -> None:
    printed = run(file)
    kept = secrets(file)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    lines = printed.splitlines()
    assert len(lines) == 2
    assert kept["reviewer"]["password"] in lines[0]
    assert kept["api"]["token"] in lines[1]
    assert list(file.parent.iterdir()) == [file]


def test_second_run_prints_the_same(file: Path) -> None:
    assert run(file) == run(file)
    assert User.objects.count() == 2
    assert AuthToken.objects.count() == 1
    assert run(file, verbosity=0) == ""


@pytest.mark.parametrize("loss", ["file", "garbled", "users", "password", "token", "group", "inactive"])
def test_what_does_not_fit_is_made_anew(file: Path, loss: str) -> None:
    run(file)
    before = secrets(file)
    reviewer = User.objects.get(username="reviewer")
    if loss == "file":
        file.unlink()
    elif loss == "garbled":
        file.write_text('{"reviewer": []}')
    elif loss == "users":
        User.objects.all().delete()
    elif loss == "password":
        reviewer.set_password("another")
        reviewer.save()
    elif loss == "token":
        AuthToken.objects.all().delete()
    elif loss == "group":
        reviewer.groups.clear()
    else:
        reviewer.is_active = False
        reviewer.save()
    run(file)
    after = secrets(file)
    assert after["reviewer"]["password"] != before["reviewer"]["password"]
    assert AuthToken.objects.count() == 1


def test_old_file_that_others_could_read_is_replaced(file: Path) -> None:
    file.parent.mkdir()
    file.write_text("{}")
    file.chmod(0o644)
    run(file)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


@pytest.mark.parametrize("hosts", [["inhouse.example.org"], ["localhost", ".example.org"], ["*"]])
def test_public_site_has_no_demo_accounts(file: Path, hosts: list[str], settings: Any) -> None:
    settings.ALLOWED_HOSTS = hosts
    settings.DEBUG = False
    with pytest.raises(CommandError, match="public site"):
        run(file)
    assert not User.objects.exists()
    assert not file.exists()


def test_superuser_of_that_name_keeps_their_password(file: Path) -> None:
    User.objects.create_superuser("reviewer", password="theirs")
    with pytest.raises(CommandError, match="superuser"):
        run(file)
    assert User.objects.get().check_password("theirs")
    assert not file.exists()


def test_file_that_cannot_be_written_leaves_no_account(tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("")
    with pytest.raises(CommandError, match="cannot be"):
        run(tmp_path / "taken" / "demo.json")
    assert not User.objects.exists()
