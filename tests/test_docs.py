"""The documentation says nothing that is not so."""

from __future__ import annotations

import hashlib
import re
import tomllib
from pathlib import Path

import pytest
from django.core.management import get_commands

from ml_model.__main__ import _parser
from ml_model.acceptance import ACCEPTANCE
from ml_model.releases import OVERRIDE
from ml_model.tables import TABLES

ROOT = Path(__file__).resolve().parent.parent
PAGES = [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").glob("*.md"))]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))


def read(path: Path) -> str:
    return path.read_text("utf-8")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_leads_somewhere(page):
    links = re.findall(r"\]\((?!https?:|#)([^)#]+)", read(page))
    assert not [link for link in links if not (page.parent / link).exists()]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_nothing_is_left_to_fill_in(page):
    assert not re.search(r"\b(PLACEHOLDER|TODO|TBD|FIXME)\b", read(page))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_path_exists(page):
    named = re.findall(
        r"`((?:ml_model|predictions|project|templates|tests|docs|deploy|benchmarks|\.ci|\.github)/[\w./-]*)`", read(page)
    )
    made_by_use = {"ml_model/trained/1.1.0/"}
    assert not [path for path in named if path not in made_by_use and not (ROOT / path).exists()]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_command_exists(page):
    text = read(page)
    targets = set(re.findall(r"^([a-z-]+):", read(ROOT / "Makefile"), re.MULTILINE))
    assert set(re.findall(r"\bmake ([a-z][a-z-]*)\b", " ".join(re.findall(r"`+[^`]+`+", text)))) <= targets
    model_commands = next(iter(_parser()._subparsers._group_actions)).choices
    assert set(re.findall(r"python -m ml_model ([a-z]+)", text)) <= set(model_commands)
    assert set(re.findall(r"manage\.py ([a-z_]+)", text)) <= set(get_commands())


def test_every_key_of_the_contract_is_described_and_no_other():
    described: dict[str, list[str]] = {}
    for heading, body in re.findall(
        r"^##+ `\[+([a-z.]+)\]+`[^\n]*\n(.*?)(?=^##|\Z)", read(ROOT / "docs/model-toml.md"), re.MULTILINE | re.DOTALL
    ):
        described[heading.rpartition(".")[2]] = re.findall(r"^\| `(\w+)` \|", body, re.MULTILINE)
    members = {"linear", "boosting", "forest"}
    expected = {name: [key for key in table.model_fields if key not in members] for name, table in (TABLES | ACCEPTANCE).items()}
    assert {name: sorted(keys) for name, keys in described.items()} == {name: sorted(keys) for name, keys in expected.items()}


def test_every_direct_dependency_has_its_reason():
    groups = [
        PROJECT["project"]["dependencies"],
        *PROJECT["project"]["optional-dependencies"].values(),
        *PROJECT["dependency-groups"].values(),
    ]
    wanted = {re.split(r"[<>=!~\[; ]", requirement)[0] for group in groups for requirement in group}
    rows = re.findall(r"^\| ([a-z0-9, -]+) \|", read(ROOT / "docs/dependencies.md"), re.MULTILINE)
    described = {name.strip() for row in rows for name in row.split(",")} - {"package", "what"}
    assert described == wanted


def test_every_environment_variable_is_described_and_no_other():
    readers = [*ROOT.glob("project/*.py"), ROOT / "deploy/gunicorn.conf.py"]
    used = {key for path in readers for key in re.findall(r'env\.\w+\(\s*"([A-Z_]+)"', read(path))} | {OVERRIDE}
    described = set(re.findall(r"^\| `([A-Z_]+)` \|", read(ROOT / "docs/deployment.md"), re.MULTILINE))
    assert described == used


def test_the_stylesheet_of_others_is_unchanged():
    content = (ROOT / "predictions/static/vendor/pico/pico.min.css").read_bytes()
    assert content.startswith(b'@charset "UTF-8";/*!\n * Pico CSS')
    assert hashlib.sha256(content).hexdigest() == "fbc9a63fc9fc9f72d12fd7fc9806e11fa9f77ae4f9cad146b27003a1119ba3db"


def test_the_image_of_the_readme_is_there_and_small():
    image = ROOT / re.search(r"!\[[^\]]*\]\(([^)]+)\)", read(ROOT / "README.md"))[1]
    assert 10_000 < image.stat().st_size < 600_000
