"""The page of the model over HTTP, for a release with everything on record and for one of before that."""

from __future__ import annotations

import re

import pytest

from ml_model.artifacts import GateResult, SliceMetrics
from ml_model.releases import Entry, read_releases
from ml_model.words import metric_in_words, metric_name
from predictions import embedded

pytestmark = pytest.mark.django_db
ATTACK = "<script>alert(1)</script>"


@pytest.fixture
def richer(monkeypatch):
    """The live release with slices, gates and plots on record, whatever the one of the tree has."""
    scorer, record = embedded.live(), embedded.record_of(embedded.live().manifest.model, embedded.live().version)
    gates = [
        GateResult(name="limits.first", passed=True, value=1.0, limit="at most 2", detail="it is 1"),
        GateResult(name="limits.second", passed=False, value=3.0, limit="at most 2", detail=ATTACK),
    ]
    slices = {"planted": SliceMetrics(rows=7, metrics=scorer.manifest.metrics)}
    manifest = scorer.manifest.model_copy(
        update={"gates": gates, "slices": slices, "hyperparameters": {"estimator": {"seed": 77}}, "compared_with": scorer.version}
    )
    plots = {"residuals.svg": '<svg id="planted"></svg>'}
    monkeypatch.setattr(scorer, "manifest", manifest)
    full = embedded.ReleaseRecord(manifest=manifest, manifest_sha256=record.manifest_sha256, plots=plots)
    monkeypatch.setattr(embedded, "record_of", lambda model, version: full)
    return manifest


def page_of(client) -> str:
    response = client.get("/model/")
    assert response.status_code == 200
    assert response["Cache-Control"] == "private"
    return response.content.decode()


def test_the_page_says_what_for_from_what_and_how_good(client, spec):
    html = page_of(client)
    manifest = embedded.live().manifest
    for metric in manifest.metrics:
        assert metric_name(metric) in html
    for told in (manifest.data.sha256, manifest.spec_sha256, manifest.code.commit, manifest.python, manifest.version):
        assert told in html
    assert html.count("<h1") == 1
    assert 'href="/model/" aria-current="page"' in html


def test_slices_gates_plots_and_hyperparameters_are_shown(client, richer, spec):
    html = page_of(client)
    assert '<svg id="planted"></svg>' in html
    assert "1 of 2 gates passed" in html
    assert html.index("limits.second") < html.index("limits.first")
    assert ATTACK not in html
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in html
    name, metric = next(iter(richer.metrics.items()))
    assert metric_in_words(spec, name, metric) in html
    assert "estimator.seed" in html


def test_a_release_of_before_slices_gates_and_plots_has_its_page(client, monkeypatch):
    scorer = embedded.live()
    old = scorer.manifest.model_copy(update={"slices": {}, "gates": [], "hyperparameters": {}, "compared_with": ""})
    monkeypatch.setattr(scorer, "manifest", old)
    monkeypatch.setattr(embedded, "record_of", lambda model, version: None)
    html = page_of(client)
    assert not re.search('id="(slices|gates|plots)"', html)


def test_the_history_tells_what_and_why_but_not_who(client, monkeypatch):
    version = embedded.live().version
    entry = {"at": "2026-01-02T03:04:05+00:00", "who": "Somebody Private", "version": version, "previous": ""}
    told = [
        Entry(action="train", **entry),
        Entry(action="rollback", reason=ATTACK, overridden=True, **entry),
    ]
    listed = embedded.releases().model_copy(update={"history": told})
    monkeypatch.setattr(embedded, "releases", lambda: listed)
    html = page_of(client)
    assert html.index(f"{version} went live again") < html.index(f"{version} trained")
    assert "gates overridden" in html
    assert "Somebody Private" not in html
    assert ATTACK not in html


def test_without_a_live_release_there_is_no_page_but_an_answer(client, settings, tmp_path):
    embedded.unload()
    settings.MODEL_RELEASES = tmp_path
    assert client.get("/model/").status_code == 503
    embedded.unload()


@pytest.mark.parametrize("method", ["post", "put", "delete"])
def test_the_page_is_only_read(client, method):
    assert getattr(client, method)("/model/").status_code == 405


def test_the_page_of_a_prediction_tells_where_its_release_comes_from(client, prediction, django_user_model):
    client.force_login(django_user_model.objects.create_superuser("admin"))
    manifest = embedded.live().manifest
    for url in (f"/predictions/{prediction.pk}/", f"/admin/predictions/prediction/{prediction.pk}/change/"):
        html = client.get(url).content.decode()
        for told in (manifest.spec_sha256, manifest.data.sha256, manifest.code.commit):
            assert f'title="{told}"' in html
            assert f"<code>{told}</code>" in html


def test_a_prediction_of_a_release_that_is_gone_has_no_provenance(client, prediction, django_user_model):
    client.force_login(django_user_model.objects.create_superuser("admin"))
    prediction.model_version = "9.9.9"
    prediction.save()
    for url in (f"/predictions/{prediction.pk}/", f"/admin/predictions/prediction/{prediction.pk}/change/"):
        response = client.get(url)
        assert response.status_code == 200
        assert embedded.live().manifest.spec_sha256 not in response.content.decode()


def test_the_record_of_a_release_is_read_once_and_opens_nothing(settings, monkeypatch):
    embedded.unload()
    version, model = read_releases(settings.MODEL_RELEASES).live, embedded.live().spec.model.name
    embedded.unload()
    monkeypatch.setattr("joblib.load", lambda *_: pytest.fail("it was unpickled"))
    assert embedded.record_of(model, version) is embedded.record_of(model, version)
    assert embedded.record_of(model, version).manifest.version == version
    assert not embedded.is_loaded()
    assert embedded.record_of(model, "9.9.9") is None
    assert embedded.record_of("the-model-before", version) is None


def test_the_api_tells_slices_gates_hyperparameters_and_digests(client, richer):
    answer = client.get("/api/v1/model/").json()
    assert answer["gates"][0] == richer.gates[0].model_dump()
    assert answer["slices"]["planted"]["rows"] == 7
    assert answer["hyperparameters"] == {"estimator": {"seed": 77}}
    assert answer["digests"]["spec"] == richer.spec_sha256
    assert answer["digests"]["files"] == richer.files
    assert re.fullmatch("[0-9a-f]{64}", answer["digests"]["manifest"])
