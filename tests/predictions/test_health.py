"""The probes: live says that the process answers, ready that it could make and store a prediction."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any

import pytest
from django.db import connection, connections
from django.db.migrations.recorder import MigrationRecorder
from django.db.utils import ConnectionHandler
from django.test import Client

from predictions import embedded, health, sqlite
from predictions.models import ProbeRow
from predictions.sqlite_backend.base import DatabaseWrapper
from tests.predictions.door import problem_of

pytestmark = pytest.mark.django_db(transaction=True)
on_sqlite = pytest.mark.skipif(connection.vendor != "sqlite", reason="a database in a file")


class Prober(Client):
    """Both probes; each of them looks again."""

    def request(self, **request: Any) -> Any:
        """Send a request after forgetting the last look."""
        health.probe.forget()
        return super().request(**request)


@pytest.fixture
def probe(monkeypatch):
    """Both probes of a process that has looked at nothing yet."""
    monkeypatch.setattr(health, "probe", health.Probe())
    return Prober(raise_request_exception=False)


@pytest.fixture
def file(tmp_path, monkeypatch) -> Path:
    """The file of a database that the probes look at."""
    path = tmp_path / "site.sqlite3"
    with connection.cursor() as cursor:
        cursor.execute("VACUUM INTO %s", [str(path)])
    handler = ConnectionHandler({"default": connections["default"].settings_dict | {"NAME": str(path)}})
    monkeypatch.setattr(sqlite, "database", lambda: handler["default"])
    monkeypatch.setattr(DatabaseWrapper, "may_create", False)
    monkeypatch.setattr(health, "_LOOK_S", 0.05)
    return path


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


def test_a_probe_loads_the_model_under_a_server_that_has_not_done_so(probe):
    embedded.unload()
    assert probe.get("/health/ready").status_code == 200


def test_without_a_model_it_is_not_ready(probe, settings, tmp_path):
    kept, settings.MODEL_RELEASES = settings.MODEL_RELEASES, tmp_path
    embedded.unload()
    assert_not_ready(probe, "model")
    settings.MODEL_RELEASES = kept
    embedded.unload()
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


@pytest.mark.parametrize("table", ["django_session", "knox_authtoken", "predictions_prediction", "predictions_proberow"])
def test_without_a_table_it_is_not_ready(probe, table):
    assert probe.get("/health/ready").status_code == 200
    with connection.cursor() as cursor:
        cursor.execute(f"ALTER TABLE {table} RENAME TO elsewhere")
        try:
            assert table in assert_not_ready(probe, "migrations")["errors"][0]["detail"]
        finally:
            cursor.execute(f"ALTER TABLE elsewhere RENAME TO {table}")
    assert probe.get("/health/ready").status_code == 200


def test_a_probe_writes_one_row_that_is_not_the_same_twice(probe):
    fillers = set()
    for _ in range(3):
        assert probe.get("/health/ready").status_code == 200
        fillers.add(ProbeRow.objects.get().filler)
    assert len(fillers) == 3


def test_one_look_serves_the_probes_of_a_second(probe, monkeypatch):
    monkeypatch.setattr(health.probe, "forget", lambda: None)
    monkeypatch.setattr(health, "_FRESH_S", 60)
    for _ in range(3):
        assert probe.get("/health/ready").status_code == 200
        filler = ProbeRow.objects.get().filler
        assert ProbeRow.objects.update(filler="kept") == 1 or filler == "kept"
    assert ProbeRow.objects.get().filler == "kept"


@on_sqlite
def test_a_locked_database_makes_it_not_ready(probe, file):
    assert probe.get("/health/ready").status_code == 200
    other = sqlite3.connect(file, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    assert "locked" in assert_not_ready(probe, "database")["errors"][0]["detail"]
    other.execute("ROLLBACK")
    assert probe.get("/health/ready").status_code == 200
    other.close()


@on_sqlite
def test_a_deleted_database_makes_it_not_ready_and_is_not_replaced_by_an_empty_one(probe, file):
    assert probe.get("/health/ready").status_code == 200
    file.rename(file.with_name("away"))
    assert "missing" in assert_not_ready(probe, "database")["errors"][0]["detail"]
    assert not file.exists()
    file.with_name("away").rename(file)
    assert probe.get("/health/ready").status_code == 200


@on_sqlite
@pytest.mark.parametrize("content", [b"", b"no database, whatever its name says " * 200], ids=["empty", "other"])
def test_a_file_that_is_no_database_of_this_site_makes_it_not_ready(probe, file, content):
    file.write_bytes(content)
    assert_not_ready(probe, "database" if content else "migrations")
