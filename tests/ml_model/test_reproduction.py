import hashlib
import json
import os
import shutil
import subprocess
import sys
from functools import partial
from pathlib import Path

import pytest

import ml_model.__main__ as command_line
from ml_model import reproduction
from ml_model.artifacts import digest
from ml_model.errors import BundleRefused, DataError, NotReproduced, ReleaseError
from ml_model.releases import FILE
from ml_model.reproduction import reproduce
from ml_model.training import train

DATA = Path(__file__).parents[1] / "data"
QUICK = """
[estimator]
seed = 1

[estimator.linear]
alpha = 2.0

[estimator.forest]
trees = 5

[interval]
folds = 5
"""


def git(folder, *words):
    who = ["-c", "user.name=A", "-c", "user.email=a@example.org"]
    subprocess.run(["git", *who, *words], cwd=folder, check=True, capture_output=True)


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A committed folder with the concrete, its spec with quick members, and release 1.0.0 trained there."""
    folder = tmp_path_factory.mktemp("made")
    for name in ("concrete.csv", "provenance.toml"):
        shutil.copy(DATA / name, folder)
    words = (DATA / "concrete.toml").read_text().partition("[estimator]")[0]
    (folder / "model.toml").write_text(words + QUICK)
    git(folder, "init", "-q")
    git(folder, "add", ".")
    git(folder, "commit", "-q", "-m", "First")
    train("1.0.0", report=silent, spec_path=folder / "model.toml", trained=folder / "trained", override="quick members")
    return folder


@pytest.fixture
def checkout(made, tmp_path):
    """A copy of that folder which a test may change."""
    return Path(shutil.copytree(made, tmp_path / "checkout"))


@pytest.fixture
def again():
    """Reproduces release 1.0.0 of a checkout."""

    def again(checkout, report=lambda line: None, **inputs):
        return reproduce("1.0.0", report=report, folder=checkout, trained=checkout / "trained", **inputs)

    return again


@pytest.fixture
def forge():
    """Changes files of the release and mends every digest, as someone could who may write all of the folder."""

    def forge(checkout, files, **changed):
        bundle = checkout / "trained" / "1.0.0"
        manifest = json.loads((bundle / "manifest.json").read_bytes())
        for name, content in files.items():
            (bundle / name).write_text(content)
        manifest["hyperparameters"] = {}
        manifest["spec_sha256"] = digest((bundle / "model.toml").read_bytes())
        manifest["files"] = {name: digest((bundle / name).read_bytes()) for name in manifest["files"]}
        for key, value in changed.items():
            manifest[key] = manifest[key] | value if isinstance(value, dict) else value
        stored = json.dumps(manifest).encode()
        (bundle / "manifest.json").write_bytes(stored)
        (checkout / "trained" / FILE).write_text(f'live = "1.0.0"\n[manifests]\n"1.0.0" = "{digest(stored)}"\n')

    return forge


def silent(line):
    """Report nothing."""


def spec_of(checkout):
    return (checkout / "trained" / "1.0.0" / "model.toml").read_text()


def with_other_cell(path):
    """The file with another age of the concrete in its sixth row."""
    lines = path.read_text().splitlines(keepends=True)
    column = lines[0].strip().replace('"', "").split(",").index("age")
    cells = lines[5].split(",")
    lines[5] = ",".join([*cells[:column], "77", *cells[column + 1 :]])
    return "".join(lines)


# It passes.


@pytest.mark.parametrize("name", ["penguins", "credit", "concrete"])
def test_each_task_comes_out_again_bit_for_bit(name, released, scorers):
    lines = []
    proof = reproduce("1.0.0", report=lines.append, folder=DATA, trained=released[name])
    manifest = scorers[name].manifest
    assert (proof.exact, proof.difference, proof.rows, proof.golden) == (True, 0, manifest.data.rows, 20)
    assert str(proof) == (
        f"release 1.0.0 is reproduced: the same answers on all {manifest.data.rows} rows and 20 golden records, bit for bit"
    )
    assert lines[1] == f"data: {name}.csv, with the recorded digest"


def test_it_leaves_everything_as_it_was(checkout, again):
    before = {path: path.read_bytes() for path in checkout.rglob("*") if path.is_file() and ".git" not in path.parts}
    again(checkout)
    assert {path: path.read_bytes() for path in checkout.rglob("*") if path.is_file() and ".git" not in path.parts} == before


def test_a_tree_that_has_moved_on(checkout, again):
    """Other data, described and committed, is the data of a later release."""
    changed = with_other_cell(checkout / "concrete.csv")
    told = (checkout / "provenance.toml").read_text()
    told = told.replace(digest((checkout / "concrete.csv").read_bytes()), hashlib.sha256(changed.encode()).hexdigest())
    (checkout / "concrete.csv").write_text(changed)
    (checkout / "provenance.toml").write_text(told)
    with pytest.raises(NotReproduced, match="row 6"):
        again(checkout)
    git(checkout, "commit", "-qam", "Second")
    lines = []
    assert again(checkout, lines.append).exact
    assert any("concrete.csv as it was at commit" in line for line in lines)


def test_what_is_said_of_the_code(checkout, again, forge):
    lines = []
    again(checkout, lines.append)
    assert "the recorded commit" in lines[0]
    forge(checkout, {}, code={"commit": "0" * 40, "clean": True})
    again(checkout, lines.append)
    assert any("the recorded commit 000000000000, is not in the repository around it" in line for line in lines)
    forge(checkout, {}, code={"commit": "unknown"})
    again(checkout, lines.append)
    assert any("the release records no commit" in line for line in lines)


def test_the_code_of_a_commit_is_compared(scorers, tmp_path, monkeypatch):
    manifest = scorers["house"].manifest.model_copy(deep=True)
    package = tmp_path / "package"
    package.mkdir()
    (package / "one.py").write_text("1\n")
    git(tmp_path, "init", "-q")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "-q", "-m", "First")
    commit = subprocess.run(["git", "rev-parse", "HEAD"], cwd=tmp_path, capture_output=True, text=True, check=True).stdout.strip()
    manifest = manifest.model_copy(update={"code": manifest.code.model_copy(update={"commit": commit, "clean": True})})
    assert reproduction._code_in_words(manifest, package) == f"code: as at the recorded commit {commit[:12]}"
    (package / "one.py").write_text("2\n")
    assert "differs in 1 file(s) from the recorded" in reproduction._code_in_words(manifest, package)


# It fails, and names what differs.


def test_one_cell_of_the_data(checkout, again):
    (checkout / "concrete.csv").write_text(with_other_cell(checkout / "concrete.csv"))
    with pytest.raises(NotReproduced, match=r"row 6 \(the header is row 1\), column 'age' is '77' and was '\d+'$"):
        again(checkout)


def test_another_file(checkout, again, tmp_path):
    given = tmp_path / "given.csv"
    given.write_text(with_other_cell(checkout / "concrete.csv"))
    with pytest.raises(NotReproduced, match=r"given\.csv is not the file that it was trained from: row 6"):
        again(checkout, data=given)
    given.write_bytes((checkout / "concrete.csv").read_bytes())
    assert again(checkout, data=given).exact
    with pytest.raises(DataError, match="cannot be read"):
        again(checkout, data=tmp_path / "none.csv")


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda lines: lines[:-1], r"row 1031 was removed"),
        (lambda lines: [*lines, lines[-1]], r"row 1032 was added"),
        (lambda lines: [*lines[:3], lines[3].strip() + ",1\n", *lines[4:]], r"row 4 was cut or lengthened"),
        (lambda lines: [lines[0], *reversed(lines[1:])], r"row 2 .* column"),
        (lambda lines: [line.rstrip("\n") + "\r\n" for line in lines], r"its bytes differ, its cells do not"),
    ],
)
def test_other_rows(change, told, checkout, again):
    lines = (checkout / "concrete.csv").read_text().splitlines(keepends=True)
    (checkout / "concrete.csv").write_bytes("".join(change(lines)).encode())
    with pytest.raises(NotReproduced, match=told):
        again(checkout)


def test_other_data_without_git(checkout, again):
    shutil.rmtree(checkout / ".git")
    assert again(checkout).exact
    (checkout / "concrete.csv").write_text(with_other_cell(checkout / "concrete.csv"))
    with pytest.raises(NotReproduced, match="its digest is another one"):
        again(checkout)


def test_other_data_behind_mended_digests(checkout, again, forge):
    changed = with_other_cell(checkout / "concrete.csv")
    (checkout / "concrete.csv").write_text(changed)
    forge(checkout, {}, data={"sha256": hashlib.sha256(changed.encode()).hexdigest()})
    with pytest.raises(NotReproduced, match=r"\d+ of 1030 rows get another answer, .*: row \d+ gets -?[\d.]+ and got"):
        again(checkout)


@pytest.mark.parametrize(
    ("old", "new", "key"),
    [
        ("alpha = 2.0", "alpha = 2.5", r"estimator\.linear\.alpha is 2\.5 and was 2\.0"),
        ("seed = 1", "seed = 2", r"estimator\.seed is 2 and was 1"),
        ("trees = 5", "trees = 6", r"estimator\.forest\.trees is 6 and was 5"),
        ("folds = 5", "folds = 6", r"interval\.folds is 6 and was 5"),
        ('column = "age"', 'column = "old"', r"field\[age\]\.column is 'old' and was 'age'"),
    ],
)
def test_another_spec(old, new, key, *, checkout, again, tmp_path):
    assert old in spec_of(checkout)
    given = tmp_path / "other.toml"
    given.write_text(spec_of(checkout).replace(old, new))
    with pytest.raises(NotReproduced, match=rf"other\.toml: {key}$"):
        again(checkout, spec_path=given)
    given.write_text(spec_of(checkout) + "# A comment.\n")
    assert again(checkout, spec_path=given).exact


@pytest.mark.parametrize(
    ("old", "new", "changed"),
    [
        ("alpha = 2.0", "alpha = 2.5", {}),
        ("seed = 1", "seed = 2", {"seed": 2}),
        ("trees = 5", "trees = 6", {}),
        ("folds = 5", "folds = 6", {}),
    ],
)
def test_another_hyperparameter_behind_mended_digests(old, new, changed, *, checkout, again, forge):
    forge(checkout, {"model.toml": spec_of(checkout).replace(old, new)}, **changed)
    with pytest.raises(NotReproduced, match=r"\d+ of 1030 rows get another answer"):
        again(checkout)


def test_a_hyperparameter_that_the_manifest_tells_otherwise(checkout, again, forge):
    forge(checkout, {"model.toml": spec_of(checkout).replace("seed = 1", "seed = 2")})
    with pytest.raises(NotReproduced, match=r"the manifest records another model\.toml: seed is 2 and was 1"):
        again(checkout)
    forge(checkout, {}, seed=2, hyperparameters={"estimator": {"linear": {"alpha": 3.0}}})
    with pytest.raises(NotReproduced, match=r"estimator\.linear\.alpha is 2\.0 and was 3\.0"):
        again(checkout)
    forge(checkout, {}, seed=2, spec_sha256="0" * 64)
    with pytest.raises(NotReproduced, match=r"model\.toml is not the one that the manifest says"):
        again(checkout)


def test_other_features(checkout, again, forge):
    derived = '[[derived]]\nname = "old"\nlabel = "Old"\nexpression = "age > 28"\n\n[estimator]'
    forge(checkout, {"model.toml": spec_of(checkout).replace("[estimator]", derived, 1)})
    with pytest.raises(BundleRefused, match="its golden records cannot be scored"):
        again(checkout)


def test_a_file_that_was_changed_without_its_digest(checkout, again):
    (checkout / "trained" / "1.0.0" / "model.toml").write_text(spec_of(checkout).replace("alpha = 2.0", "alpha = 2.5"))
    with pytest.raises(BundleRefused, match=r"'model\.toml' was changed after the release was made"):
        again(checkout)


def test_another_golden_record(checkout, again, forge):
    golden = json.loads((checkout / "trained" / "1.0.0" / "golden.json").read_text())
    golden["scores"][0]["low"] *= 1 + 1e-12
    forge(checkout, {"golden.json": json.dumps(golden)})
    with pytest.raises(NotReproduced, match="a golden record gets another one"):
        again(checkout)


def test_another_metric(checkout, again, forge):
    forge(checkout, {}, metrics={"r2": {"value": 0.99, "low": 0.98, "high": 1.0}})
    with pytest.raises(NotReproduced, match=r"metric r2 is 0\.\d+ and was 0\.99$"):
        again(checkout)


def test_a_release_that_is_not_listed(checkout):
    with pytest.raises(ReleaseError, match="is not listed"):
        reproduce("9.0.0", report=silent, folder=checkout, trained=checkout / "trained")


# Elsewhere, the last bits may differ, and no more.


def test_within_a_tolerance_in_another_environment(checkout, again, forge, monkeypatch):
    golden = json.loads((checkout / "trained" / "1.0.0" / "golden.json").read_text())
    golden["scores"][0]["value"] *= 1 + 1e-10
    forge(checkout, {"golden.json": json.dumps(golden)})
    with pytest.raises(NotReproduced):
        again(checkout)
    monkeypatch.setattr(reproduction, "differences", lambda manifest: ["numpy is 2 and was 1"])
    proof = again(checkout)
    assert not proof.exact
    assert proof.difference == pytest.approx(1e-10, rel=0.5)
    told = f"within a relative 1e-06 (largest {proof.difference:.2g}), not bit for bit: numpy is 2 and was 1"
    assert str(proof).endswith(told)


def test_beyond_the_tolerance_in_another_environment(checkout, again, forge, monkeypatch):
    monkeypatch.setattr(reproduction, "differences", lambda manifest: ["numpy is 2 and was 1"])
    assert again(checkout).exact
    forge(checkout, {"model.toml": spec_of(checkout).replace("alpha = 2.0", "alpha = 2.001")})
    with pytest.raises(NotReproduced, match="rows get another answer"):
        again(checkout)


def test_threads_change_no_bit(checkout):
    """Of gradient boosting, of the sums of a forest, and of linear algebra."""
    program = """
import sys
from pathlib import Path
import numpy as np
from ml_model.artifacts import digest
from ml_model.data import load_dataset
from ml_model.features import FeatureEncoder
from ml_model.scoring import predict_intervals
from ml_model.spec import parse_spec
from ml_model.logbook import Logbook
from ml_model.training import learn
text = Path("model.toml").read_text().replace("[estimator.forest]", "[estimator.boosting]\\ntrees = 10\\n[estimator.forest]")
spec = parse_spec(text)
dataset = load_dataset(spec, Path())
matrix = FeatureEncoder(spec).matrix(dataset.records)
fitted = learn(spec, matrix, dataset.target, log=Logbook(lambda line: None))
print(digest(np.array(predict_intervals(spec, fitted, matrix)).tobytes()))
"""
    seen = set()
    for threads in "12":
        environment = os.environ | {"OMP_NUM_THREADS": threads, "OPENBLAS_NUM_THREADS": threads}
        environment["PYTHONPATH"] = str(Path(reproduction.__file__).parents[1])
        command = [sys.executable, "-c", program]
        done = subprocess.run(command, cwd=checkout, env=environment, capture_output=True, text=True, check=True)
        seen.add(done.stdout)
    assert len(seen) == 1


# By the command line.


def test_the_command(checkout, monkeypatch, capsys):
    inside = partial(reproduce, folder=checkout, trained=checkout / "trained")
    monkeypatch.setattr(reproduction, "reproduce", inside)
    assert command_line.main(["reproduce", "1.0.0"]) == 0
    output, errors = capsys.readouterr()
    assert (output.splitlines()[-1].endswith("bit for bit"), errors) == (True, "")
    (checkout / "concrete.csv").write_text(with_other_cell(checkout / "concrete.csv"))
    assert command_line.main(["reproduce", "1.0.0"]) == 1
    errors = capsys.readouterr().err
    assert errors.startswith("error: release 1.0.0 is not reproduced: concrete.csv is not the file")
    assert errors.count("\n") == 1
    assert command_line.main(["reproduce", "1.0.0", "--spec", "missing.toml"]) == 1
    assert command_line.main(["reproduce", "1.0.0", "--data", "missing.csv"]) == 1
