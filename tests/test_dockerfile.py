"""The image as far as it can be judged without building it: each of its sources is there, and nothing else goes in."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
INSTRUCTIONS = re.sub(r"\\\n\s*", " ", (ROOT / "Dockerfile").read_text("utf-8")).splitlines()
IGNORED = [line for line in (ROOT / ".dockerignore").read_text("utf-8").splitlines() if line and not line.startswith("#")]


def arguments(instruction: str) -> list[str]:
    return [line.removeprefix(instruction).strip() for line in INSTRUCTIONS if line.startswith(f"{instruction} ")]


COPIED = [source for copied in arguments("COPY") if not copied.startswith("--from") for source in copied.split()[:-1]]


@pytest.mark.parametrize("source", COPIED)
def test_what_is_copied_is_there_and_let_in(source):
    assert (ROOT / source).exists()
    assert f"!{source}" in IGNORED


def test_all_else_stays_outside():
    assert IGNORED[0] == "*"
    assert {line[1:] for line in IGNORED if line.startswith("!")} == set(COPIED)
    assert "ml_model/data" in IGNORED
    assert (ROOT / "ml_model" / "data").is_dir()


def test_every_package_that_the_settings_need_is_copied():
    packages = {path.parent.name for path in ROOT.glob("*/__init__.py")} - {"tests", "scripts"}
    assert packages <= set(COPIED)


def test_it_installs_by_hash_and_nothing_is_compiled():
    [install] = [command for command in arguments("RUN") if "pip install" in command]
    assert "--require-hashes" in install
    assert "--only-binary :all:" in install
    lock = (ROOT / "requirements.lock").read_text("utf-8")
    assert lock.count("--hash=sha256:") >= len(re.findall(r"^[a-z].*==", lock, re.MULTILINE)) > 10


def test_it_is_served_by_nobody_in_particular():
    last = INSTRUCTIONS.index([line for line in INSTRUCTIONS if line.startswith("FROM ")][-1])
    after = INSTRUCTIONS[last:]
    assert after.index("USER 10001:0") < next(number for number, line in enumerate(after) if line.startswith("CMD "))
    assert not any(line.startswith("USER root") for line in after)


def test_any_user_of_group_0_may_write_var_and_needs_no_other_folder():
    """OpenShift gives the process a user id that is in no list, and group 0."""
    [rights] = [command for command in arguments("RUN") if "/app/var" in command and "pip" not in command][-1:]
    assert "chgrp 0 /app/var" in rights
    assert re.search(r"chmod 2?77\d /app/var", rights)
    variables = " ".join(arguments("ENV"))
    assert "HOME=/app/var" in variables
    assert "TMPDIR=/app/var" in variables
    assert not any("useradd" in command for command in arguments("RUN"))


def test_it_starts_the_server_as_it_is_configured_here():
    [command] = arguments("CMD")
    assert json.loads(command) == ["gunicorn", "--config", "deploy/gunicorn.conf.py", "project.wsgi"]


def test_its_health_is_the_readiness_of_the_process(monkeypatch):
    [check] = arguments("HEALTHCHECK")
    python, flag, script = json.loads(check.partition("CMD ")[2])
    assert (python, flag) == ("python", "-c")
    asked = []
    monkeypatch.setenv("PORT", "8123")
    monkeypatch.delenv("SCRIPT_NAME", raising=False)
    monkeypatch.setattr("urllib.request.urlopen", lambda address, timeout: asked.append((address, timeout)))
    exec(compile(script, "Dockerfile", "exec"))  # noqa: S102
    assert asked == [("http://127.0.0.1:8123/health/ready", 4)]


def test_no_secret_is_written_into_it():
    assert not any("SECRET_KEY" in line for line in arguments("ENV") + arguments("ARG"))
