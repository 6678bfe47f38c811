"""The live release is what its inputs make of it, and of no other inputs."""

from __future__ import annotations

import csv
import shutil
from pathlib import Path

import pytest

from ml_model.environment import differences
from ml_model.errors import NotReproduced
from ml_model.releases import TRAINED, read_releases
from ml_model.reproduction import reproduce
from ml_model.scoring import load_scorer
from ml_model.training import SPEC_PATH

LIVE = read_releases().live


def silent(line: str) -> None:
    """Report nothing."""


def test_it_comes_out_again():
    manifest = load_scorer(LIVE).manifest
    proof = reproduce(LIVE, report=silent)
    assert (proof.rows, proof.golden) == (manifest.data.rows, 20)
    assert proof.exact or differences(manifest)


def test_it_does_not_with_one_cell_changed(tmp_path: Path):
    file = load_scorer(LIVE).manifest.data.file
    folder = tmp_path / "ml_model"
    shutil.copytree(SPEC_PATH.parent / "data", folder / "data")
    with (folder / file).open(newline="") as source:
        rows = list(csv.reader(source))
    column = rows[0].index("Gr Liv Area")
    rows[100][column] = str(int(rows[100][column]) + 1)
    with (folder / file).open("w", newline="") as changed:
        csv.writer(changed, lineterminator="\n").writerows(rows)
    for where in ({"folder": folder}, {"data": folder / file}):
        with pytest.raises(NotReproduced, match=r"ames\.csv is not the file that it was trained from"):
            reproduce(LIVE, report=silent, trained=TRAINED, **where)
