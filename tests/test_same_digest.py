"""``deploy/same-digest``: the release that was tested is the one in the wheel and the one that is served."""

from __future__ import annotations

import http.server
import json
import shutil
import subprocess
import sys
import threading
import zipfile
from pathlib import Path

import pytest

from ml_model.releases import TRAINED, read_releases

SCRIPT = Path(__file__).parent.parent / "deploy" / "same-digest"
RELEASES = read_releases()


def run(*arguments: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, SCRIPT, *map(str, arguments)], capture_output=True, text=True, check=False)


@pytest.fixture
def trained(tmp_path: Path) -> Path:
    """A copy of the releases that a test may damage."""
    return Path(shutil.copytree(TRAINED, tmp_path / "trained"))


@pytest.fixture
def pack(tmp_path: Path):
    """Packs a folder of releases as a wheel does."""

    def pack(trained: Path) -> Path:
        with zipfile.ZipFile(tmp_path / "some.whl", "w") as archive:
            for path in trained.rglob("*"):
                archive.write(path, f"ml_model/trained/{path.relative_to(trained)}")
        return tmp_path / "some.whl"

    return pack


@pytest.fixture
def serve():
    """Serves an answer of the API and returns its address."""
    servers = []

    def serve(answer: object) -> str:
        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                self.send_response(200)
                self.end_headers()
                self.wfile.write(json.dumps(answer).encode())

            def log_message(self, *_):
                """Say nothing."""

        servers.append(http.server.HTTPServer(("127.0.0.1", 0), Handler))
        threading.Thread(target=servers[-1].serve_forever, daemon=True).start()
        return f"http://127.0.0.1:{servers[-1].server_address[1]}/"

    yield serve
    for server in servers:
        server.shutdown()
        server.server_close()


def test_all_the_same(pack, serve):
    digest = RELEASES.manifests[RELEASES.live]
    done = run("--wheel", pack(TRAINED), "--url", serve({"version": RELEASES.live, "digests": {"manifest": digest}}))
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.count(f"{digest}  release {RELEASES.live}, live in ") == 3


def test_another_one_is_served(serve):
    for answer in ({"version": RELEASES.live, "digests": {"manifest": "0" * 64}}, {"version": RELEASES.live}, []):
        done = run("--url", serve(answer))
        assert done.returncode == 1
        assert done.stderr.startswith("error: ")
        assert done.stderr.count("\n") == 1


def test_another_one_is_in_the_wheel(trained, pack):
    digest = RELEASES.manifests[RELEASES.live]
    (trained / "releases.toml").write_text(f'live = "9.9.9"\n[manifests]\n"9.9.9" = "{digest}"\n')
    (trained / RELEASES.live).rename(trained / "9.9.9")
    done = run("--wheel", pack(trained))
    assert done.returncode == 1
    assert "has another release than the tree" in done.stderr


@pytest.mark.parametrize("name", ["manifest.json", "pipeline.joblib", "card.md"])
def test_a_byte_was_changed(name, trained, pack):
    path = trained / RELEASES.live / name
    path.write_bytes(path.read_bytes() + b" ")
    for arguments in (["--trained", trained], ["--wheel", pack(trained)]):
        done = run(*arguments)
        assert done.returncode == 1
        assert f"{name} is not the one that" in done.stderr


def test_a_file_is_missing(trained, pack):
    (trained / RELEASES.live / "card.md").unlink()
    assert run("--trained", trained).returncode == 1
    done = run("--wheel", pack(trained))
    assert (done.returncode, done.stderr.count("\n")) == (1, 1)
