"""``manage.py check``: what would keep the project from answering, with the command that mends it."""

from __future__ import annotations

import shutil

import pytest

from ml_model.releases import read_releases
from ml_model.scoring import load_scorer
from predictions.checks import live_release


@pytest.fixture
def trained(settings, tmp_path):
    """A copy of the releases that a test may spoil."""
    settings.MODEL_RELEASES = tmp_path / "trained"
    shutil.copytree("ml_model/trained", settings.MODEL_RELEASES)
    return settings.MODEL_RELEASES


def found():
    return [(message.id, str(message.msg), message.hint) for message in live_release(app_configs=None)]


def test_the_shipped_release_is_well(trained):
    assert found() == []


def test_no_live_release(trained):
    shutil.rmtree(trained)
    [(identity, _, hint)] = found()
    assert identity == "predictions.E001"
    assert "train" in hint


def test_a_list_of_releases_that_cannot_be_read(trained):
    (trained / "releases.toml").write_text("live = ")
    [(identity, message, hint)] = found()
    assert identity == "predictions.E002"
    assert "releases.toml" in message
    assert hint


@pytest.mark.parametrize("spoil", ["truncate", "remove"])
def test_a_release_that_is_not_as_it_was_made(trained, spoil):
    model = trained / read_releases(trained).live / "pipeline.joblib"
    if spoil == "truncate":
        model.write_bytes(model.read_bytes()[:100])
    else:
        model.unlink()
    [(identity, message, hint)] = found()
    assert identity == "predictions.E002"
    assert "pipeline.joblib" in message
    assert hint


def test_an_override_is_said(trained, monkeypatch):
    version = read_releases(trained).live
    monkeypatch.setenv("INHOUSE_LIVE", version)
    [(identity, message, hint)] = found()
    assert identity == "predictions.W001"
    assert f"Release {version} is live by INHOUSE_LIVE" in message
    assert "unset INHOUSE_LIVE" in hint


@pytest.mark.parametrize("value", ["9.9.9", "newest", "../1.0.0"])
def test_an_override_that_names_no_release(trained, monkeypatch, value):
    monkeypatch.setenv("INHOUSE_LIVE", value)
    [(identity, message, hint)] = found()
    assert identity == "predictions.E003"
    assert message.startswith("environment variable INHOUSE_LIVE: ")
    assert "\n" not in message
    assert "python -m ml_model list" in hint


def test_a_compiled_form_that_was_proved_for_another_runtime(trained, monkeypatch):
    if "model.onnx" not in load_scorer(trained=trained).manifest.files:
        pytest.skip("the live release has no compiled form")
    monkeypatch.setattr("ml_model.compiled.runtime_version", lambda: "0.0.1")
    [(identity, message, hint)] = found()
    assert identity == "predictions.W002"
    assert "another onnxruntime" in message
    assert "train" in hint
