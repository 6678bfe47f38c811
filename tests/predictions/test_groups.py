"""The group of those who review."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import Group, Permission
from django.core.management import call_command

from predictions.groups import REVIEWERS

pytestmark = pytest.mark.django_db


def granted() -> set[str]:
    """What the group may."""
    return set(Group.objects.get(name=REVIEWERS).permissions.values_list("codename", flat=True))


def test_group_may_review_and_nothing_else() -> None:
    assert granted() == {"view_prediction", "change_prediction"}


def test_missing_group_comes_back() -> None:
    Group.objects.all().delete()
    call_command("migrate", verbosity=0)
    assert granted() == {"view_prediction", "change_prediction"}


def test_what_an_administrator_changed_stays() -> None:
    Group.objects.get(name=REVIEWERS).permissions.set([Permission.objects.get(codename="view_prediction")])
    call_command("migrate", verbosity=0)
    assert granted() == {"view_prediction"}


@pytest.mark.django_db(transaction=True)
def test_flushed_database_has_the_group() -> None:
    call_command("flush", interactive=False, verbosity=0)
    assert granted() == {"view_prediction", "change_prediction"}
