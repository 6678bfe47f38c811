"""The servers that are compared: how each is set up, started and asked."""

from __future__ import annotations

import hashlib
import json
import os
import secrets
import shutil
import socket
import subprocess
import sys
import tomllib
from collections.abc import Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import load

ROOT = Path(__file__).resolve().parent.parent
VAR = ROOT / "var" / "bench"
VENVS = VAR / "venvs"
PEERS = ROOT / "benchmarks" / "peers"
TRAINED = ROOT / "ml_model" / "trained"
Triple = tuple[float, float, float]
Record = Mapping[str, Any]


def _binary(venv: str, name: str) -> str:
    return str(VENVS / venv / "bin" / name)


class Server:
    """One way of serving the bundle, in a virtual environment of its own."""

    venv = ""
    pins = Path()
    """What is installed into that."""
    key = ""
    title = ""
    command: Sequence[str] = ()
    """The command line, run from the root of the project; ``{port}`` is filled in, in the variables also ``{folder}``."""
    variables: Mapping[str, str] = {}
    """The environment beside what every server gets. ``{folder}`` is a new one for each start, for the database."""
    single = "/predict"
    bulk: str | None = "/predict/bulk"
    bulk_by_hand: str | None = None
    """Where the same list is read and written by hand, for a server whose documented way is not its quickest."""
    columns: str | None = None
    headers: Mapping[str, str] = {}
    table: str | None = None
    """Table of ``db.sqlite3`` that holds one row per prediction."""
    logged: bytes | None = rb'"POST [^"]*" 2\d\d '
    """What the access log says of a good answer; None where there is none."""

    def prepare(self, _folder: Path) -> None:
        """Do once what a deployment does before the start, in a folder that lasts for the run.

        Here that is to make the virtual environment, unless it is there with the same pins.
        """
        home = VENVS / self.venv
        wanted = hashlib.sha256(self.pins.read_bytes()).hexdigest()
        if (stamp := home / "installed").is_file() and stamp.read_text() == wanted:
            return
        print(f"installing {self.venv} into {home.relative_to(ROOT)} …", file=sys.stderr)
        run([sys.executable, "-m", "venv", "--clear", str(home)], base_environment())
        # With the caller's environment, which may say which index to install from.
        run([_binary(self.venv, "python"), "-m", "pip", "install", "--quiet", "-r", str(self.pins)], os.environ, limit_s=1200)
        stamp.write_text(wanted)

    def before_start(self, folder: Path) -> None:
        """Put into a new folder what the server expects there."""

    def environment(self, folder: Path, port: int = 0) -> dict[str, str]:
        """The whole environment of the server."""
        return base_environment() | {key: value.format(folder=folder, port=port) for key, value in self.variables.items()}

    def body(self, record: Record) -> bytes:
        """One record as this server wants it."""
        return json.dumps(record).encode()

    def bulk_body(self, records: Sequence[Record]) -> bytes:
        """Many records as this server wants them."""
        return json.dumps(records).encode()

    def answers(self, content: bytes) -> list[Triple]:
        """Value, lower and upper end of each record in an answer."""
        read = json.loads(content)
        return [(one["value"], one["low"], one["high"]) for one in (read if isinstance(read, list) else [read])]


class Own(Server):
    """A server of what a deployment of this project installs; the tools of its development would slow the start down."""

    venv, pins = "inhouse", ROOT / "requirements.lock"


class Inhouse(Own):
    """This project as it is deployed: tokens, strict validation, every prediction stored, request ids, access log."""

    key, title, table = "inhouse", "Inhouse", "predictions_prediction"
    command = (_binary("inhouse", "gunicorn"), "--config", "deploy/gunicorn.conf.py", "project.wsgi")
    single, bulk = "/api/v1/predictions/", "/api/v1/predictions/bulk/"

    def __init__(self, model: str) -> None:
        self.columns = f"/v2/models/{model}/infer"
        self.variables = {
            "SECRET_KEY": secrets.token_urlsafe(60),
            "DATABASE_URL": "sqlite:///{folder}/db.sqlite3",
            "PORT": "{port}",
            "WEB_CONCURRENCY": "2",
            "WEB_THREADS": "1",
            "WEB_DRAIN_S": "0",
        }

    def prepare(self, folder: Path) -> None:
        """Make the database and the static files, and a token."""
        super().prepare(folder)
        manage, environment = (_binary(self.venv, "python"), "manage.py"), self.environment(folder)
        run([*manage, "migrate", "--verbosity=0"], environment)
        run([*manage, "collectstatic", "--noinput", "--verbosity=0"], environment)
        self.headers = {"Authorization": f"Token {run([*manage, 'create_api_token', 'benchmark'], environment).strip()}"}
        self._database = folder / "db.sqlite3"

    def before_start(self, folder: Path) -> None:
        """Start from an empty database each time, so that no round pays for the rows of another."""
        shutil.copy(self._database, folder)

    def answers(self, content: bytes) -> list[Triple]:
        """Value, lower and upper end of each record in an answer."""
        read = json.loads(content)
        results = read.get("results", [read])
        return [(one["value"], one["interval"]["low"], one["interval"]["high"]) for one in results]


class Bare(Own):
    """Django and the same gunicorn with nothing behind them."""

    key, title, bulk = "bare", "bare Django", None
    command = (_binary("inhouse", "gunicorn"), "--config", "benchmarks/bare/gunicorn.conf.py", "benchmarks.bare.app")
    variables = {"PORT": "{port}", "WEB_CONCURRENCY": "2", "WEB_THREADS": "1"}


class Peer(Server):
    """A server that others made."""

    def __init__(self, bundle: Path) -> None:
        self.pins = PEERS / self.venv / "requirements.txt"
        self.variables = {"BUNDLE": str(bundle), "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", **self.variables}


class FastApi(Peer):
    """FastAPI, hand-written, not storing."""

    key, title, venv = "fastapi", "FastAPI", "fastapi"
    bulk_by_hand = "/predict/bulk/bytes"
    command = (
        _binary("fastapi", "uvicorn"),
        "benchmarks.peers.fastapi.app:app",
        "--workers=2",
        f"--host={load.HOST}",
        "--port={port}",
    )


class FastApiStoring(FastApi):
    """FastAPI with SQLAlchemy, storing as Inhouse does."""

    key, title, table = "fastapi-storing", "FastAPI + SQLAlchemy", "predictions"
    command = (FastApi.command[0], "benchmarks.peers.fastapi.storing:app", *FastApi.command[2:])
    variables = {"DATABASE_URL": "sqlite:///{folder}/db.sqlite3"}

    def before_start(self, folder: Path) -> None:
        """Create the table."""
        run([_binary(self.venv, "python"), "-m", "benchmarks.peers.fastapi.storing"], self.environment(folder))


class MLflow(Peer):
    """The scoring server of MLflow with a pyfunc, in the local environment."""

    key, title, venv = "mlflow", "MLflow", "mlflow"
    single = bulk = "/invocations"

    def prepare(self, folder: Path) -> None:
        """Save the model."""
        super().prepare(folder)
        # It starts uvicorn by its name, and neither reports to anybody nor looks for a newer version.
        path = f"{VENVS / 'mlflow' / 'bin'}:{base_environment()['PATH']}"
        self.variables |= {"PATH": path, "MLFLOW_DISABLE_TELEMETRY": "true", "MLFLOW_TRACKING_URI": f"file:{folder}/runs"}
        model = str(folder / "model")
        run(["python", "-m", "benchmarks.peers.mlflow.save", model], self.environment(folder))
        options = ("--env-manager=local", "--workers=2", f"--host={load.HOST}", "--port={port}")
        self.command = (_binary(self.venv, "mlflow"), "models", "serve", f"--model-uri={model}", *options)

    def body(self, record: Record) -> bytes:
        """One record as a frame of one row."""
        return self.bulk_body([record])

    def bulk_body(self, records: Sequence[Record]) -> bytes:
        """Many records as the rows of a frame."""
        return json.dumps({"dataframe_records": records}).encode()

    def answers(self, content: bytes) -> list[Triple]:
        """Value, lower and upper end of each record in an answer."""
        return [(one["value"], one["low"], one["high"]) for one in json.loads(content)["predictions"]]


class BentoML(Peer):
    """BentoML with a service of two workers."""

    key, title, venv = "bentoml", "BentoML", "bentoml"
    command = (
        _binary("bentoml", "bentoml"),
        "serve",
        "benchmarks.peers.bentoml.service:Predictions",
        f"--host={load.HOST}",
        "--port={port}",
    )
    variables = {"BENTOML_DO_NOT_TRACK": "True", "BENTOML_HOME": "{folder}/bentoml"}
    logged = rb"method=POST.*\(status=2\d\d"


class MLServer(Peer):
    """MLServer with two workers for the model beside the one for HTTP; by column alone, which is how it takes requests."""

    key, title, venv, bulk = "mlserver", "MLServer", "mlserver", None
    logged = None  # it has an access log only where it is debugged

    def __init__(self, spec: Any, bundle: Path) -> None:
        super().__init__(bundle)
        self._spec = spec
        name = spec.model.name if spec else ""
        self.single = self.columns = f"/v2/models/{name}/infer"
        self.command = (_binary(self.venv, "mlserver"), "start", "{folder}")

    def before_start(self, folder: Path) -> None:
        """Write its settings."""
        model = {"name": self._spec.model.name, "implementation": "benchmarks.peers.mlserver.runtime.Bundle"}
        (folder / "model-settings.json").write_text(json.dumps(model))

    def environment(self, folder: Path, port: int = 0) -> dict[str, str]:
        """Ports that are free, for it opens three, and two workers."""
        settings = {"host": load.HOST, "http_port": port, "grpc_port": free_port(), "metrics_port": free_port()}
        (folder / "settings.json").write_text(json.dumps(settings | {"parallel_workers": 2, "debug": False}))
        return super().environment(folder, port)

    def body(self, record: Record) -> bytes:
        """One record as columns of one row."""
        return load.columns_body(self._spec, [record])

    def answers(self, content: bytes) -> list[Triple]:
        """Value, lower and upper end of each row in an answer."""
        outputs = {one["name"]: one["data"] for one in json.loads(content)["outputs"]}
        return list(zip(outputs["value"], outputs["low"], outputs["high"], strict=True))


def live_bundle() -> Path:
    """Folder of the release that answers."""
    return TRAINED / str(tomllib.loads((TRAINED / "releases.toml").read_text("utf-8"))["live"])


def base_environment() -> dict[str, str]:
    """What every process gets, so that nothing in the caller's environment changes one side only."""
    kept = {key: os.environ[key] for key in ("PATH", "HOME", "LANG", "TMPDIR") if key in os.environ}
    # Start-up is measured with compiled modules, as they are after the first start; they are kept out of the tree.
    return kept | {"PYTHONPYCACHEPREFIX": str(VAR / "pycache")}


def run(command: Sequence[str], environment: Mapping[str, str], *, limit_s: float = 300) -> str:
    """Run a command of the preparation from the root of the project and return what it printed."""
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=limit_s, check=False)
    if done.returncode:
        raise SystemExit(f"{' '.join(command)} failed:\n{done.stdout[-2000:]}{done.stderr[-2000:]}")
    return done.stdout


def free_port() -> int:
    """Return a port that nobody listens on."""
    with closing(socket.socket()) as one:
        one.bind((load.HOST, 0))
        return int(one.getsockname()[1])
