"""The workflows as far as they can be judged without running them: what they call is there and may be run."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
TARGETS = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE))
SCRIPTS = [ROOT / ".ci" / "run", *(path for path in sorted((ROOT / "deploy").iterdir()) if path.is_file() and not path.suffix)]
CALLERS = [*WORKFLOWS, *SCRIPTS, ROOT / "Makefile"]


def code(path: Path) -> str:
    """A file without its comments."""
    return re.sub(r"(^|\s)#.*", "", path.read_text("utf-8"))


def test_there_are_a_check_and_a_release():
    assert [path.name for path in WORKFLOWS] == ["ci.yml", "release.yml"]


@pytest.mark.parametrize("path", CALLERS, ids=lambda path: path.name)
def test_every_script_that_is_called_exists(path):
    called = re.findall(r"(?<![\w/.-])((?:deploy|\.ci)/[\w./-]+)", code(path))
    assert not [name for name in called if not (ROOT / name).is_file()]


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_every_target_and_workflow_that_is_called_exists(path):
    text = code(path)
    assert set(re.findall(r"\bmake ([a-z][a-z-]*)", text)) <= TARGETS
    assert not [name for name in re.findall(r"uses: \./(\S+)", text) if not (ROOT / name).is_file()]


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.name)
def test_every_script_may_be_run_and_reads_well(path):
    assert os.access(path, os.X_OK)
    first = path.read_text("utf-8").partition("\n")[0]
    assert first.startswith("#!")
    check = ["bash", "-n"] if first.endswith("sh") and "bash" in first else ["sh", "-n"]
    if "python" in first:
        compile(path.read_text("utf-8"), path.name, "exec")
    else:
        subprocess.run([*check, path], check=True, capture_output=True)


def test_every_script_is_used():
    everything = "".join(code(path) for path in CALLERS)
    assert not [path.name for path in SCRIPTS if f"{path.parent.name}/{path.name}" not in everything]


def test_ci_proves_the_model_on_each_change():
    text = code(ROOT / ".github/workflows/ci.yml")
    assert {"push:", "pull_request:", "make check-model", ".ci/run"} <= set(
        re.findall(r"push:|pull_request:|make [\w-]+|\.ci/run", text)
    )
    steps = code(ROOT / "deploy/check-model")
    for command in ("ml_model verify --gates", "ml_model reproduce", "deploy/retrain-subset"):
        assert command in steps
    assert "make check-model" in code(ROOT / ".ci/run")


def test_a_tag_builds_wheel_and_image_after_ci_and_compares_their_digests():
    text = code(ROOT / ".github/workflows/release.yml")
    steps = [
        'tags: ["v*"]',
        "uses: ./.github/workflows/ci.yml",
        "needs: test",
        "-m build --wheel",
        "docker build",
        "--wheel dist/*.whl",
    ]
    places = [text.find(step) for step in steps]
    assert -1 not in places
    assert places == sorted(places)


def test_no_workflow_may_write_or_reads_a_secret():
    for path in WORKFLOWS:
        text = code(path)
        assert re.search(r"^permissions:\n  contents: read\n", text, re.MULTILINE)
        assert "secrets." not in text
        # ${{ github.… }} inside of a command is filled in before the shell sees it.
        assert not re.search(r"run:.*\$\{\{", text)


def test_the_tag_must_be_the_version():
    version = re.search(r'^version = "(.+)"$', (ROOT / "pyproject.toml").read_text("utf-8"), re.MULTILINE)[1]
    for tag, code_ in ((f"v{version}", 0), (version, 1), ("v0.0.1", 1)):
        assert subprocess.run([ROOT / "deploy/check-tag", tag], check=False, capture_output=True).returncode == code_
