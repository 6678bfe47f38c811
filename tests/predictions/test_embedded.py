"""The release in this process: loaded once, verified, and refused with its reason where it is not as it was released."""

from __future__ import annotations

import shutil
import threading

import pytest

from ml_model.releases import read_releases
from predictions import embedded


@pytest.fixture
def trained(settings, tmp_path):
    """A copy of the releases that a test may spoil."""
    copy = tmp_path / "trained"
    shutil.copytree(settings.MODEL_RELEASES, copy)
    embedded.unload()
    settings.MODEL_RELEASES = copy
    yield copy
    embedded.unload()


def test_the_release_that_is_live_is_loaded_once(trained, caplog):
    assert not embedded.is_loaded()
    with caplog.at_level("INFO"):
        assert embedded.live() is embedded.live()
    assert embedded.is_loaded()
    assert embedded.live().version == read_releases(trained).live
    assert caplog.text.count("is loaded and verified") == 1


def test_many_threads_load_it_once(trained, monkeypatch):
    loads, found, load = [], [], embedded.load_scorer

    def counted(**kwargs):
        loads.append(1)
        return load(**kwargs)

    monkeypatch.setattr(embedded, "load_scorer", counted)
    threads = [threading.Thread(target=lambda: found.append(embedded.live())) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(loads) == 1
    assert len(found) == 8
    assert len(set(map(id, found))) == 1


def test_a_spoilt_release_is_refused_with_its_reason_until_it_is_mended(trained, caplog):
    model = trained / read_releases(trained).live / "pipeline.joblib"
    content = model.read_bytes()
    model.write_bytes(content[:-1])
    for _ in range(2):
        with pytest.raises(embedded.ModelUnavailable, match=r"pipeline\.joblib"):
            embedded.live()
    assert not embedded.is_loaded()
    assert "no release is live" in caplog.text
    model.write_bytes(content)
    assert embedded.live().version
    assert embedded.is_loaded()


def test_without_a_live_release_there_is_no_answer(settings, tmp_path):
    settings.MODEL_RELEASES = tmp_path
    with pytest.raises(embedded.ModelUnavailable, match="train"):
        embedded.live()


def test_a_release_in_use_is_untouched_by_what_happens_to_its_files(trained, spec):
    scorer = embedded.live()
    before = scorer.score([spec.example()])
    shutil.rmtree(trained)
    assert embedded.live() is scorer
    assert scorer.score([spec.example()]) == before


def test_the_spec_of_a_release_is_the_one_that_it_was_trained_from(trained):
    version, model = read_releases(trained).live, embedded.live().spec.model.name
    assert embedded.spec_of(model, version) == embedded.live().spec
    assert embedded.spec_of(model, version) is embedded.spec_of(model, version)


def test_the_words_of_another_model_are_not_put_into_the_mouth_of_this_one(trained):
    assert embedded.spec_of("the-model-before", read_releases(trained).live) is None


@pytest.mark.parametrize("version", ["9.9.9", "", "../1.0.0", "\x00"])
def test_the_spec_of_a_release_that_is_not_shipped_is_unknown(trained, version):
    assert embedded.spec_of(embedded.live().spec.model.name, version) is None
