"""Provenance claims no commit that does not hold the files."""

import shutil

import pytest

from ml_model import packing
from ml_model.artifacts import Code, digest


def test_the_commit_of_the_data_is_recorded_where_it_holds_the_file(git, write_house, tmp_path, house_csv):
    path, sha256 = write_house().parent / "houses.csv", digest(house_csv.encode())
    assert packing._data_commit(path, sha256) == ""
    git(tmp_path, "init", "-q")
    git(tmp_path, "commit", "-q", "--allow-empty", "-m", "Nothing")
    assert packing._data_commit(path, sha256) == ""
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "-q", "-m", "Data")
    assert packing._data_commit(path, sha256) == git(tmp_path, "rev-parse", "HEAD")
    assert packing._data_commit(path, "0" * 64) == ""


@pytest.fixture
def package(git, tmp_path):
    """A committed package of one module and a spec."""
    package = tmp_path / "package"
    package.mkdir()
    (package / "module.py").write_bytes(b"1\n")
    (package / "model.toml").write_bytes(b"[model]\n")
    git(tmp_path, "init", "-q")
    git(tmp_path, "config", "core.autocrlf", "true")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "-q", "-m", "First")
    return package


def code_of(package, text="[model]\n"):
    return packing._code(text, package, package)


def test_code_is_the_commit_that_holds_it(package, git):
    assert code_of(package) == Code(commit=git(package, "rev-parse", "HEAD"), clean=True)


@pytest.mark.parametrize(
    "change",
    [
        lambda package, git: (package / "module.py").write_bytes(b"2\n"),
        lambda package, git: (package / "module.py").write_bytes(b"1\r\n"),
        lambda package, git: (package / "other.py").touch(),
        lambda package, git: (package.parent / "new").touch(),
        lambda package, git: (package / "module.py").unlink() or (package / "other.py").touch(),
        lambda package, git: (
            git(package, "update-index", "--assume-unchanged", "module.py") or (package / "module.py").write_bytes(b"2\n")
        ),
        lambda package, git: (
            (package.parent / ".git/info/exclude").write_text("ignored.py") and (package / "ignored.py").write_bytes(b"3\n")
        ),
    ],
    ids=["changed", "line ends", "module added", "file added", "module gone", "assumed unchanged", "ignored"],
)
def test_changed_code_is_never_called_clean(change, package, git):
    git(package, "config", "core.safecrlf", "false")
    change(package, git)
    assert code_of(package) == Code(commit=git(package, "rev-parse", "HEAD"), clean=False)


def test_another_spec_than_the_committed_one_is_not_clean(package):
    assert not code_of(package, "[model]\nname = 1\n").clean


def test_a_repository_around_code_that_it_does_not_hold_says_nothing(package, git, monkeypatch):
    installed = package.parent / "venv" / "package"
    shutil.copytree(package, installed)
    assert code_of(installed) == Code(commit="unknown", clean=False)
    assert str(code_of(installed)) == "unknown"
    monkeypatch.setenv("GIT_DIR", str(package.parent / ".git"))
    monkeypatch.setenv("GIT_WORK_TREE", str(package.parent / "venv"))
    assert code_of(installed) == Code(commit="unknown", clean=False)
    monkeypatch.setenv("PATH", "")
    assert code_of(package) == Code(commit="unknown", clean=False)


def test_a_shallow_clone_knows_its_commit(package, git, tmp_path):
    git(tmp_path, "clone", "-q", "--depth", "1", "-c", "core.autocrlf=false", f"file://{tmp_path}", "clone")
    assert code_of(tmp_path / "clone" / "package") == Code(commit=git(package, "rev-parse", "HEAD"), clean=True)
