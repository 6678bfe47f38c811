"""Readers of the environment: a value that cannot be used stops the start, and the message names its key."""

from __future__ import annotations

import pytest

from project import env

KEY = "INHOUSE_TEST"


@pytest.fixture
def set_to(monkeypatch):
    """Sets the variable, or takes it away."""
    return lambda value: monkeypatch.delenv(KEY, raising=False) if value is None else monkeypatch.setenv(KEY, value)


def test_text(set_to):
    set_to("  a value ")
    assert env.text(KEY) == "a value"
    for blank in (None, "", "   "):
        set_to(blank)
        assert env.text(KEY, "another") == "another"
        with pytest.raises(env.EnvironmentProblem, match=f"{KEY}: is not set"):
            env.text(KEY)


@pytest.mark.parametrize(
    ("value", "meant"), [("1", True), ("YES", True), ("On", True), ("0", False), ("False", False), ("no", False)]
)
def test_boolean(set_to, value, meant):
    set_to(value)
    assert env.boolean(KEY, default=not meant) is meant


@pytest.mark.parametrize("default", [True, False])
def test_boolean_that_is_not_set(set_to, default):
    set_to(None)
    assert env.boolean(KEY, default=default) is default


@pytest.mark.parametrize("value", ["2", "ja", "tru", "01"])
def test_boolean_that_is_none(set_to, value):
    set_to(value)
    with pytest.raises(env.EnvironmentProblem, match=f"{KEY}: is '{value}'"):
        env.boolean(KEY, default=False)


def test_integer(set_to):
    set_to(None)
    assert env.integer(KEY, default=5, least=1, most=9) == 5
    for value in ("1", "9", " 7 "):
        set_to(value)
        assert env.integer(KEY, default=5, least=1, most=9) == int(value)


@pytest.mark.parametrize("value", ["0", "10", "-5", "1.5", "five", "1e3"])
def test_integer_that_is_none(set_to, value):
    set_to(value)
    with pytest.raises(env.EnvironmentProblem, match=KEY):
        env.integer(KEY, default=5, least=1, most=9)


def test_words(set_to):
    set_to(" a, b ,,c,")
    assert env.words(KEY) == ["a", "b", "c"]
    set_to(None)
    assert env.words(KEY) == []
    assert env.words(KEY, "x,y") == ["x", "y"]


def test_rate(set_to):
    set_to(None)
    assert env.rate(KEY, None) is None
    set_to("600/minute")
    assert env.rate(KEY, None) == "600/minute"


@pytest.mark.parametrize("value", ["600", "0/minute", "600/min", "-1/hour", "6 per hour", "600/minutes"])
def test_rate_that_is_none(set_to, value):
    set_to(value)
    with pytest.raises(env.EnvironmentProblem, match=f"{KEY}: is '{value}'"):
        env.rate(KEY, None)


def test_a_missing_folder_is_made(tmp_path):
    env.writable_folder(KEY, tmp_path / "a" / "b")
    assert (tmp_path / "a" / "b").is_dir()


def test_a_folder_that_cannot_be_made(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(env.EnvironmentProblem, match=KEY):
        env.writable_folder(KEY, tmp_path / "file" / "folder")


def test_a_folder_that_cannot_be_written(tmp_path, monkeypatch):
    # An administrator may write anywhere, so the answer of the system is given here.
    monkeypatch.setattr("os.access", lambda *_: False)
    with pytest.raises(env.EnvironmentProblem, match="nothing can be written"):
        env.writable_folder(KEY, tmp_path)


@pytest.mark.parametrize(("value", "meant"), [("127.0.0.1", "127.0.0.1"), ("::1", "[::1]"), ("[::1]", "[::1]")])
def test_address(set_to, value, meant):
    set_to(value)
    assert env.address(KEY, "127.0.0.1") == meant


@pytest.mark.parametrize("value", ["http://localhost", "localhost:8000", "192.0.2.7", "no such host", "::1:8000:x", "a" * 300])
def test_address_that_is_none(set_to, value):
    set_to(value)
    with pytest.raises(env.EnvironmentProblem, match=f"{KEY}: is "):
        env.address(KEY, "127.0.0.1")


def test_path_prefix(set_to):
    for value, meant in ((None, ""), ("/", ""), ("/houses", "/houses"), ("/a/b-2", "/a/b-2")):
        set_to(value)
        assert env.path_prefix(KEY) == meant
