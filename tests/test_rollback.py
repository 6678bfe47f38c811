"""Two releases with different contracts behind one site: going live, going back, the override, and bundles that were touched."""

from __future__ import annotations

import hashlib
import http.client
import json
import os
import shutil
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Self

import pytest
from django.contrib.auth.models import User
from django.core.checks import run_checks
from django.core.management import call_command
from django.test import Client

from ml_model import artifacts, release_commands, scoring
from ml_model.__main__ import main
from ml_model.errors import BundleRefused
from ml_model.promotion import promote, roll_back
from ml_model.releases import add_release, read_releases
from ml_model.training import train
from predictions import embedded, health
from tests.predictions.door import Api, problem_of

DATA = Path(__file__).parent / "data"
ROOT = DATA.parent.parent
OVERRIDE_REASON = "two contracts, on purpose"


@pytest.fixture(scope="module")
def two(tmp_path_factory) -> Path:
    """Releases 1.0.0, which is live, and 2.0.0, which asks one question less and has other words."""
    folder = tmp_path_factory.mktemp("two")
    for path in filter(Path.is_file, DATA.iterdir()):
        shutil.copy(path, folder)
    spec = (folder / "concrete.toml").read_text("utf-8")
    head, _, rest = spec.partition('[[field]]\nname = "fly_ash"')
    newer = (head + "[[field]]\n" + rest.partition("[[field]]\n")[2]).replace('label = "Cement"', 'label = "Portland cement"')
    (folder / "newer.toml").write_text(newer, "utf-8")
    for version, name in {"1.0.0": "concrete.toml", "2.0.0": "newer.toml"}.items():
        train(version, report=lambda line: None, spec_path=folder / name, trained=folder / "trained", override=OVERRIDE_REASON)
    return folder / "trained"


@pytest.fixture
def trained(two, tmp_path, settings):
    """A copy of them that the site serves, and that a test may damage."""
    settings.MODEL_RELEASES = Path(shutil.copytree(two, tmp_path / "trained"))
    embedded.unload()
    yield settings.MODEL_RELEASES
    embedded.unload()


@pytest.fixture
def api(transactional_db):
    return Api(User.objects.create_user("owner"))


def restart():
    embedded.unload()
    health.probe.forget()


def release_2(trained):
    promote("2.0.0", trained, folder=DATA, override=OVERRIDE_REASON)
    restart()


def asked(api, **changes):
    record = {**embedded.live().spec.example(), **changes}
    response = api.post("predictions/", record)
    assert response.status_code == 201, response.content
    return response.json()


def contract(api):
    form = Client().get("/").content.decode()
    return {
        "schema": api.get("model/schema/").json(),
        "words": "Portland cement" in form,
        "fly ash": 'name="fly_ash"' in form,
        "version": api.get("model/").json()["version"],
    }


def answers(stored):
    return {key: stored[key] for key in ("value", "unit", "interval", "warnings", "inputs", "model")}


def test_a_rollback_brings_back_the_answers_and_the_contract_of_the_older_release(trained, api):
    first = [asked(api, cement=cement, age=age) for cement in (150, 300, 520) for age in (3, 28, 400)]
    older = contract(api)
    assert older["fly ash"]
    release_2(trained)
    newer = contract(api)
    assert (newer["version"], newer["fly ash"], newer["words"], older["words"]) == ("2.0.0", False, True, False)
    assert newer["schema"] != older["schema"]
    second = asked(api)
    assert second["model"]["version"] == "2.0.0"
    problem_of(api.post("predictions/", first[0]["inputs"]), 400, "invalid")
    # What the older release answered stays as it was while the newer one is live.
    assert api.get(first[0]["url"]).json() == first[0]

    roll_back(trained, reason="complaints")
    restart()
    assert contract(api) == older
    for stored in first:
        assert answers(asked(api, **stored["inputs"])) == answers(stored)
    assert api.get(second["url"]).json() == second

    release_2(trained)
    assert answers(asked(api, **second["inputs"])) == answers(second)
    assert contract(api) == newer


def test_the_override_is_seen_wherever_it_acts(trained, api, monkeypatch, caplog):
    assert "INHOUSE_LIVE" not in Client().get("/").content.decode()
    assert api.get("model/").json()["live_by"] == "releases.toml"
    monkeypatch.setenv("INHOUSE_LIVE", "2.0.0")
    restart()
    page = " ".join(Client().get("/").content.decode().split())
    assert "<strong>2.0.0</strong></a>, live by <strong>INHOUSE_LIVE</strong>" in page
    model = api.get("model/").json()
    assert (model["version"], model["live_by"]) == ("2.0.0", "INHOUSE_LIVE")
    assert Client().get("/health/ready").json() == {"status": "ready", "version": "2.0.0", "live_by": "INHOUSE_LIVE"}
    [line] = [one for one in caplog.records if "is loaded and verified, live by INHOUSE_LIVE" in one.getMessage()]
    assert line.levelname == "WARNING"
    assert [one.id for one in run_checks() if one.id.startswith("predictions")] == ["predictions.W001"]
    assert read_releases(trained).live == "1.0.0"


@pytest.mark.parametrize("value", ["2.0.1", "two", "../1.0.0"])
@pytest.mark.usefixtures("trained", "transactional_db")
def test_an_override_that_names_no_release_stops_with_one_line(monkeypatch, caplog, value):
    monkeypatch.setenv("INHOUSE_LIVE", value)
    refused_at_start(caplog, "environment variable INHOUSE_LIVE: ", "predictions.E003")


def refused_at_start(caplog, reason, check):
    restart()
    caplog.clear()
    with pytest.raises(embedded.ModelUnavailable):
        embedded.live()
    [line] = [one.getMessage() for one in caplog.records]
    assert line.startswith("no release is live: ")
    assert reason in line
    assert "\n" not in line
    [fault] = [one for one in run_checks() if one.id.startswith("predictions")]
    assert (fault.id, reason in fault.msg) == (check, True)
    problem = problem_of(Client().get("/health/ready"), 503, "unavailable")
    assert [one["code"] for one in problem["errors"]] == ["model"]


class Trap:
    """Creates a file when it is unpickled."""

    def __init__(self, marker):
        self.marker = marker

    def __reduce__(self):
        return Path.touch, (self.marker,)


def flip(path):
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def trap(bundle):
    import joblib

    joblib.dump(Trap(bundle.parent / "marker"), bundle / "pipeline.joblib")


def swap_manifest(bundle):
    shutil.copy(bundle.parent / "2.0.0" / "manifest.json", bundle / "manifest.json")


DAMAGES = {
    **{
        f"a byte of {name}": (lambda bundle, name=name: flip(bundle / name))
        for name in (
            "manifest.json",
            "model.toml",
            "pipeline.joblib",
            "calibration.json",
            "profile.json",
            "golden.json",
            "card.md",
        )
    },
    "an added file": lambda bundle: (bundle / "extra.py").write_text("print(1)"),
    "an added folder": lambda bundle: (bundle / "extra").mkdir(),
    "a missing file": lambda bundle: (bundle / "card.md").unlink(),
    "a swapped manifest": swap_manifest,
    "a pickle that runs code": trap,
}


@pytest.mark.usefixtures("transactional_db")
@pytest.mark.parametrize("damage", DAMAGES)
def test_a_bundle_that_was_touched_is_refused_everywhere_and_nothing_runs(trained, caplog, capsys, monkeypatch, damage):
    opened, unpickle = [], artifacts._unpickled
    monkeypatch.setattr(artifacts, "_unpickled", lambda *given: opened.append(given) or unpickle(*given))
    DAMAGES[damage](trained / "1.0.0")
    refused_at_start(caplog, "release bundle 1.0.0 refused: ", "predictions.E002")
    monkeypatch.setattr(release_commands, "TRAINED", trained)
    (trained / "releases.toml").write_text((trained / "releases.toml").read_text().replace('live = "1.0.0"', 'live = "2.0.0"', 1))
    for command in (["promote", "1.0.0", "--override", "I insist"], ["show", "1.0.0"]):
        assert main(command) == 1
        output, errors = capsys.readouterr()
        assert output == ""
        assert errors.startswith("error: release bundle 1.0.0 refused: ")
        assert errors.count("\n") == 1
    assert read_releases(trained).live == "2.0.0"
    assert opened == []
    assert not (trained / "marker").exists()


def test_verify_names_a_bundle_that_was_touched(trained, capsys, monkeypatch):
    monkeypatch.setattr("ml_model.__main__.read_releases", lambda: read_releases(trained))
    load = scoring.load_scorer
    monkeypatch.setattr(scoring, "load_scorer", lambda version: load(version, trained))
    monkeypatch.setattr("ml_model.__main__.TRAINED", trained)
    flip(trained / "1.0.0" / "golden.json")
    assert main(["verify"]) == 1
    output, errors = capsys.readouterr()
    assert "1.0.0: " not in output
    assert errors == "error: release bundle 1.0.0 refused: 'golden.json' was changed after the release was made\n"


def test_a_damaged_release_is_no_way_back(trained):
    promote("2.0.0", trained, folder=DATA, override=OVERRIDE_REASON)
    flip(trained / "1.0.0" / "golden.json")
    with pytest.raises(BundleRefused, match=r"'golden\.json' was changed"):
        roll_back(trained)
    assert read_releases(trained).live == "2.0.0"


def test_a_bundle_from_before_the_gates_still_loads(trained, api):
    """Its manifest lacks every field that came later."""
    bundle = Path(shutil.copytree(trained / "1.0.0", trained / "0.9.0"))
    manifest = json.loads((bundle / "manifest.json").read_bytes()) | {"version": "0.9.0"}
    later = {"hyperparameters", "slices", "findings", "gates", "compared_with", "instructions"}
    manifest = {key: value for key, value in manifest.items() if key not in later}
    manifest["data"].pop("extraction", None)
    (bundle / "log.jsonl").unlink()
    del manifest["files"]["log.jsonl"]
    stored = json.dumps(manifest).encode()
    (bundle / "manifest.json").write_bytes(stored)
    first = asked(api)
    add_release("0.9.0", hashlib.sha256(stored).hexdigest(), trained)
    promote("0.9.0", trained, folder=DATA, override=OVERRIDE_REASON)
    restart()
    again = asked(api)
    assert again["model"]["version"] == "0.9.0"
    assert (again["value"], again["interval"]) == (first["value"], first["interval"])
    assert api.get("model/").status_code == 200


SETTINGS = """
from tests.settings import *
from pathlib import Path
MODEL_RELEASES = Path({trained!r})
DATABASES = {{"default": {{"ENGINE": "django.db.backends.sqlite3", "NAME": {database!r}}}}}
"""


class Site:
    """A gunicorn of its own over a folder of releases and a database."""

    def __init__(self, folder: Path, trained: Path, **environment: str) -> None:
        (folder / "rollback_settings.py").write_text(SETTINGS.format(trained=str(trained), database=str(folder / "db.sqlite3")))
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.environment = {
            **os.environ,
            "DJANGO_SETTINGS_MODULE": "rollback_settings",
            "PYTHONPATH": f"{folder}{os.pathsep}{ROOT}",
            "PORT": str(self.port),
            "WEB_CONCURRENCY": "1",
            "WEB_DRAIN_S": "0",
            **environment,
        }

    def run(self, *arguments: str) -> str:
        done = subprocess.run(
            [sys.executable, *arguments], cwd=ROOT, env=self.environment, capture_output=True, text=True, check=True
        )
        return done.stdout

    def __enter__(self) -> Self:
        command = [sys.executable, "-m", "gunicorn", "-c", "deploy/gunicorn.conf.py", "project.wsgi"]
        self.process = subprocess.Popen(
            command, cwd=ROOT, env=self.environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
        )
        return self

    def __exit__(self, *_: object) -> None:
        self.process.terminate()
        self.log = self.process.communicate(timeout=30)[1]

    def get(self, path: str, body: object = None, token: str = "") -> tuple[int, dict]:
        headers = {"Content-Type": "application/json", **({"Authorization": f"Token {token}"} if token else {})}
        deadline = time.monotonic() + 60
        while True:
            connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
            try:
                connection.request("GET" if body is None else "POST", path, body and json.dumps(body), headers)
                with connection.getresponse() as answer:
                    return answer.status, json.load(answer)
            except ConnectionRefusedError:
                assert self.process.poll() is None, "gunicorn ended"
                assert time.monotonic() < deadline
                time.sleep(0.2)
            finally:
                connection.close()


def test_after_a_rollback_and_a_real_restart_the_site_answers_as_it_did(two, tmp_path):
    trained = Path(shutil.copytree(two, tmp_path / "trained"))
    record = scoring.load_scorer("1.0.0", trained).spec.example()

    def post(site):
        status, answer = site.get("/api/v1/predictions/", record, token)
        assert status == 201, answer
        return answers(answer), answer["url"].partition(str(site.port))[2]

    site = Site(tmp_path, trained)
    site.run("manage.py", "migrate", "--verbosity", "0")
    token = site.run("manage.py", "create_api_token", "owner").split()[-1]
    with site:
        first, path = post(site)
    with Site(tmp_path, trained, INHOUSE_LIVE="2.0.0") as site:
        assert site.get("/health/ready") == (200, {"status": "ready", "version": "2.0.0", "live_by": "INHOUSE_LIVE"})
        assert site.get("/api/v1/predictions/", record, token)[0] == 400
    promote("2.0.0", trained, folder=DATA, override=OVERRIDE_REASON)
    with Site(tmp_path, trained) as site:
        assert site.get("/health/ready")[1]["version"] == "2.0.0"
        assert answers(site.get(path, token=token)[1]) == first
    roll_back(trained)
    with Site(tmp_path, trained) as site:
        assert post(site)[0] == first
    with Site(tmp_path, trained, INHOUSE_LIVE="3.0.0") as site:
        assert site.get("/health/ready")[0] == 503
        assert site.get("/health/live")[0] == 200
    lines = [line for line in site.log.splitlines() if "INHOUSE_LIVE" in line]
    assert len(lines) == 1
    assert "no release is live: environment variable INHOUSE_LIVE: release '3.0.0' is not listed" in lines[0]


def test_the_checks_of_the_project_stop_on_a_wrong_override(trained, monkeypatch):
    from django.core.management.base import SystemCheckError

    monkeypatch.setenv("INHOUSE_LIVE", "3.0.0")
    with pytest.raises(SystemCheckError, match=r"predictions\.E003"):
        call_command("check")
