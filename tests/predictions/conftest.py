"""What the tests of the app share. Values come from the spec of the live release, never from here."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import Group, User

from ml_model.spec import ModelSpec
from ml_model.tables import NUMERIC, FieldTable, Value
from predictions import embedded
from predictions.groups import REVIEWERS
from predictions.models import Prediction
from predictions.sqlite_backend.base import DatabaseWrapper
from tests.predictions.door import Api, predicted


@pytest.fixture(autouse=True)
def _not_a_server(monkeypatch: pytest.MonkeyPatch) -> None:
    """Connections may make files, also after a test has imported the application of the server."""
    monkeypatch.setattr(DatabaseWrapper, "may_create", True)


@pytest.fixture
def spec() -> ModelSpec:
    """The contract of the live release."""
    return embedded.live().spec


@pytest.fixture
def example(spec: ModelSpec) -> dict[str, Value]:
    """A record that is accepted."""
    return spec.example()


@pytest.fixture
def number(spec: ModelSpec) -> FieldTable:
    """A required field that holds a number."""
    return next(field for field in spec.field if field.kind in NUMERIC and field.required)


@pytest.fixture
def category(spec: ModelSpec) -> FieldTable:
    """A required field with choices in text."""
    return next(field for field in spec.field if field.required and all(isinstance(one, str) for one in field.codes or [0]))


@pytest.fixture
def user(db: None) -> User:
    """A user without any permission."""
    return User.objects.create_user("owner")


@pytest.fixture
def api(user: User) -> Api:
    """The API as ``user`` sees it."""
    return Api(user)


@pytest.fixture
def anonymous(db: None) -> Api:
    """The API without a token."""
    return Api()


@pytest.fixture
def prediction(example: dict[str, Value], db: None) -> Prediction:
    """A stored prediction of nobody in particular."""
    return predicted([example], source=Prediction.Source.FORM, visitor="somebody")[0]


@pytest.fixture
def reviewer(db: None) -> User:
    """A member of the group that reviews."""
    reviewer = User.objects.create_user("reviewer", is_staff=True)
    reviewer.groups.add(Group.objects.get(name=REVIEWERS))
    return reviewer
