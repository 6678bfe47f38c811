"""The probes: live says that the process answers, ready that it could make and store a prediction."""

from __future__ import annotations

import sqlite3
from typing import Any

import pytest
from django.db import OperationalError, connection, connections
from django.db.migrations.recorder import MigrationRecorder
from django.test import Client

from predictions import embedded, health
from tests.predictions.door import problem_of

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _forget_migrations(monkeypatch):
    monkeypatch.setattr(health._Migrations, "applied", False)


@pytest.fixture
def probe():
    """Both probes of a process that holds its model."""
    embedded.live()
    return Client(raise_request_exception=False)


def assert_not_ready(client: Client, *missing: str) -> dict[str, Any]:
    assert client.get("/health/live").json() == {"status": "live"}
    problem = problem_of(client.get("/health/ready"), 503, "unavailable")
    assert [error["code"] for error in problem["errors"]] == list(missing)
    return problem


@pytest.mark.parametrize("host", ["testserver", "10.0.0.7:8000", "forged.example", "%"])
@pytest.mark.parametrize("method", ["get", "head"])
def test_a_process_that_lacks_nothing_is_ready_under_whatever_name_it_is_asked(probe, host, method, settings):
    settings.SECURE_SSL_REDIRECT = True
    release = {"version": embedded.live().version, "live_by": "releases.toml"}
    answers = {"live": {"status": "live"}, "ready": {"status": "ready", **release}}
    for name, answer in answers.items():
        response = getattr(probe, method)(f"/health/{name}", headers={"Host": host})
        assert response.status_code == 200, response.content
        assert response["Cache-Control"] == "no-store"
        assert method == "head" or response.json() == answer


@pytest.mark.parametrize("name", ["live", "ready"])
def test_the_probes_are_asked_by_get_alone(probe, name):
    response = probe.post(f"/health/{name}")
    problem_of(response, 405, "method-not-allowed")
    assert response["Allow"] == "GET, HEAD"


def test_there_is_no_other_probe(probe):
    problem_of(probe.get("/health/other"), 404, "not-found")


def test_without_a_model_it_is_not_ready(probe):
    embedded.unload()
    assert_not_ready(probe, "model")
    embedded.live()
    assert probe.get("/health/ready").status_code == 200


def test_with_a_migration_pending_it_is_not_ready(probe):
    recorder = MigrationRecorder(connection)
    name = max(name for app, name in recorder.applied_migrations() if app == "predictions")
    recorder.record_unapplied("predictions", name)
    try:
        for _ in range(2):
            assert "migrate" in assert_not_ready(probe, "migrations")["errors"][0]["detail"]
    finally:
        recorder.record_applied("predictions", name)
    assert probe.get("/health/ready").status_code == 200


def test_a_database_that_does_not_answer_makes_it_not_ready(probe, monkeypatch):
    def fail(*_, **__):
        raise OperationalError("a secret")

    monkeypatch.setattr(connections["default"], "cursor", fail)
    assert "secret" not in str(assert_not_ready(probe, "database"))


@pytest.mark.skipif(connection.vendor != "sqlite", reason="only SQLite has one lock for all writers")
def test_a_locked_database_makes_it_not_ready(probe, tmp_path, monkeypatch):
    monkeypatch.setattr(health, "_LOCK_WAIT_MS", 50)
    path = tmp_path / "locked.sqlite3"
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("PRAGMA journal_mode=WAL")
    mine = sqlite3.connect(path, isolation_level=None)
    monkeypatch.setattr(connections["default"], "connection", mine)
    monkeypatch.setattr(health._Migrations, "applied", True)
    assert probe.get("/health/ready").status_code == 200
    other.execute("BEGIN IMMEDIATE")
    assert_not_ready(probe, "database")
    other.execute("ROLLBACK")
    assert probe.get("/health/ready").status_code == 200
    mine.close()
    other.close()


@pytest.mark.skipif(connection.vendor != "sqlite", reason="only SQLite has a time to wait for a lock")
def test_a_probe_leaves_the_patience_of_other_requests_as_it_was(probe):
    with connection.cursor() as cursor:
        before = cursor.execute("PRAGMA busy_timeout").fetchone()[0]
        cursor.execute("PRAGMA busy_timeout = 12345")
        assert probe.get("/health/ready").status_code == 200
        assert cursor.execute("PRAGMA busy_timeout").fetchone() == (12345,)
        cursor.execute(f"PRAGMA busy_timeout = {before}")


def test_applied_migrations_are_not_asked_for_again(probe, django_assert_max_num_queries):
    assert probe.get("/health/ready").status_code == 200
    with django_assert_max_num_queries(5) as queries:
        assert probe.get("/health/ready").status_code == 200
    assert "django_migrations" not in str(queries.captured_queries)
