import csv
import io
import json
import re
import subprocess
import sys
import tomllib
from dataclasses import replace
from functools import partial
from pathlib import Path

import joblib
import pytest

import ml_model.__main__ as command_line
from ml_model import release_commands, scoring, training
from ml_model.artifacts import ESTIMATORS, MANIFEST, read_bundle
from ml_model.errors import TrainingError
from ml_model.releases import FILE, read_releases
from ml_model.scoring import Scorer, load_scorer


@pytest.fixture
def run(trained, monkeypatch, capsys):
    """Runs one command over a copy of the releases of the small houses; returns exit code, output and errors."""
    monkeypatch.setattr(scoring, "load_scorer", partial(scoring.load_scorer, trained=trained))
    monkeypatch.setattr(command_line, "read_releases", partial(read_releases, trained))
    monkeypatch.setattr(command_line, "TRAINED", trained)
    monkeypatch.setattr(release_commands, "TRAINED", trained)

    def run(*arguments):
        code = command_line.main([str(argument) for argument in arguments])
        return code, *capsys.readouterr()

    return run


@pytest.fixture
def source(tmp_path, house_csv):
    path = tmp_path / "in.csv"
    path.write_text(house_csv)
    return path


def rows_of(path):
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def refused(answer):
    """That a command was refused after one line; returns the line."""
    code, output, errors = answer
    assert (code, output) == (1, "")
    assert errors.startswith("error: ")
    assert errors.count("\n") == 1
    return errors.rstrip("\n")


def test_score(run, source, tmp_path):
    result = tmp_path / "out.csv"
    code, output, errors = run("score", source, result)
    assert (code, errors) == (0, "")
    assert output == f"240 of 240 rows scored, written to {result}\n"
    assert [row["Id"] for row in rows_of(result)] == [f"h{number}" for number in range(240)]


def test_score_with_refused_rows(run, source, tmp_path, house_csv):
    source.write_text(house_csv.replace("h7,", "h7,-", 1))
    result = tmp_path / "out.csv"
    code, output, errors = run("score", source, result, "--release", "1.0.0")
    assert code == 1
    assert output == f"239 of 240 rows scored, written to {result}\n"
    assert errors == "error: 1 row(s) refused; the column 'error' says why\n"
    assert [row["Id"] for row in rows_of(result) if row["error"]] == ["h7"]


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"", "is empty"),
        (b"PK\x03\x04", "is an XLSX or ZIP file"),
        (b"a,b\n1,2\n", "8 column(s) are missing"),
        (b'a\n"', "well-formed"),
    ],
)
def test_a_file_that_is_refused(content, problem, run, source, tmp_path):
    source.write_bytes(content)
    assert problem in refused(run("score", source, tmp_path / "out.csv"))
    assert not (tmp_path / "out.csv").exists()


def test_a_file_that_is_not_there(run, tmp_path):
    assert "cannot be read: No such file or directory" in refused(run("score", tmp_path / "no.csv", tmp_path / "out.csv"))
    assert not (tmp_path / "out.csv").exists()


def test_a_result_that_cannot_be_written(run, source, tmp_path):
    assert "cannot be written" in refused(run("score", source, tmp_path / "no" / "out.csv"))


def test_a_release_that_is_not_listed(run, source, tmp_path):
    assert "Did you mean '1.0.0'?" in refused(run("score", source, tmp_path / "out.csv", "--release", "1.0.1"))
    assert "is not listed" in refused(run("promote", "2.0.0"))
    assert not (tmp_path / "out.csv").exists()


def test_a_damaged_release(run, source, tmp_path, trained):
    (trained / "1.0.0" / "card.md").write_text("Trust me.")
    before = (trained / FILE).read_bytes()
    for command in (("score", source, tmp_path / "out.csv"), ("promote", "1.0.0"), ("verify",), ("show", "1.0.0")):
        assert "release bundle 1.0.0 refused: 'card.md' was changed" in refused(run(*command))
    assert not (tmp_path / "out.csv").exists()
    assert (trained / FILE).read_bytes() == before


def test_verify(run, trained):
    rows = load_scorer(trained=trained).parity.rows
    code, output, errors = run("verify")
    assert (code, errors) == (0, "")
    assert re.fullmatch(r"1\.0\.0: verified, compiled form proved on [\d,]+ rows \(live\)\n", output)
    assert rows > 10_000


def test_verify_names_the_release_whose_compiled_form_is_of_others(run, trained, relist):
    """The bundle holds two that answer alike on its golden records alone."""
    bundle = read_bundle(trained / "1.0.0", read_releases(trained).manifest_of("1.0.0"))
    learnt = {"estimator": bundle.fitted.estimator, "difficulty": bundle.fitted.difficulty}
    trees = learnt["estimator"].regressor_.estimators_[1][-1]
    trees._predictors[0][0].nodes["num_threshold"] *= 1.01
    buffer = io.BytesIO()
    joblib.dump(learnt, buffer)
    golden = json.loads((trained / "1.0.0" / "golden.json").read_text())
    same = Scorer(replace(bundle, compiled=None, opened=lambda: bundle.fitted)).score(golden["records"])
    kept = [row for row, score in enumerate(same) if abs(score.value / golden["scores"][row]["value"] - 1) < 1e-12]
    assert kept
    golden = {name: [rows[row] for row in kept] for name, rows in golden.items()}
    relist(trained, {ESTIMATORS: buffer.getvalue(), "golden.json": json.dumps(golden).encode()})
    assert load_scorer(trained=trained).runtime == "onnxruntime"
    reason = refused(run("verify"))
    assert "release bundle 1.0.0 refused: model.onnx does not answer as pipeline.joblib does: beyond the tolerance" in reason


def test_nothing_to_verify(run, trained):
    (trained / FILE).unlink()
    assert "there is no release to verify; run 'python -m ml_model train'" in refused(run("verify"))


def test_a_list_of_releases_that_is_junk(run, trained, source, tmp_path):
    (trained / FILE).write_bytes(b"\xff live")
    for command in (("score", source, tmp_path / "out.csv"), ("promote", "1.0.0"), ("verify",), ("show", "1.0.0")):
        assert "releases.toml cannot be read" in refused(run(*command))


def test_verify_names_every_release(run, trained, released, adopt):
    adopt(trained, "1.1.0", released["concrete"])
    first, second = run("verify")[1].splitlines()
    assert re.fullmatch(r"1\.0\.0: verified, compiled .* \(live\)", first)
    assert re.fullmatch(r"1\.1\.0: verified, compiled form proved on [\d,]+ rows", second)


def test_verify_goes_on_after_a_release_of_another_scikit_learn(run, trained, released, adopt, relist, *, source, tmp_path):
    manifest = json.loads((trained / "1.0.0" / MANIFEST).read_bytes())
    relist(trained, {MANIFEST: json.dumps(manifest | {"libraries": {"scikit-learn": "0.24.2"}}).encode()})
    adopt(trained, "1.1.0", released["concrete"])
    code, output, errors = run("verify")
    assert (code, output.startswith("1.1.0: verified")) == (1, True)
    assert "release bundle 1.0.0 refused: pipeline.joblib was built by scikit-learn 0.24.2, and this is" in errors
    assert run("list")[0] == run("show", "1.0.0")[0] == run("score", source, tmp_path / "out.csv")[0] == 0


@pytest.mark.parametrize("package", ["crepes", "onnx"])
def test_a_package_that_training_needs_and_that_is_not_installed(package):
    code = f"""
import sys
sys.modules["{package}"] = None  # as if it were not installed
from ml_model.__main__ import main
sys.exit(main(["reproduce", "1.2.1"]))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr == (
        f"error: this command needs the package '{package}', which is not installed; "
        "run 'make setup' in a checkout, or install 'inhouse-model[train]'\n"
    )


def test_what_make_run_installs_can_train():
    root = Path(command_line.__file__).parents[1]
    wanted = tomllib.loads((root / "pyproject.toml").read_text("utf-8"))["project"]["optional-dependencies"]["train"]
    assert {re.split("[><=]", one)[0] for one in wanted} == set(command_line._FOR_TRAINING)
    setup = re.search(r"pip install .* -r (\S+)\n", (root / "Makefile").read_text("utf-8"))
    lock = (root / setup[1]).read_text("utf-8")
    assert all(f"\n{name}==" in f"\n{lock}" for name in command_line._FOR_TRAINING)


def test_train(run, monkeypatch, write_house, trained, tree):
    tree["estimator"] = {"linear": {}}
    monkeypatch.setattr(training, "train", partial(training.train, spec_path=write_house(tree), trained=trained))
    code, output, errors = run("train", "--version", "1.2.0")
    assert (code, errors) == (0, "")
    lines = output.splitlines()
    assert lines[0] == "load …"
    assert "bundle done in" in output
    assert any(line.startswith("Root mean squared logarithmic error: 0.") for line in lines)
    assert lines[-1] == f"written to {trained / '1.2.0'}; live is 1.0.0"
    assert "exists already" in refused(run("train", "--version", "1.2.0"))
    assert "write MAJOR.MINOR.PATCH" in refused(run("train", "--version", "two"))


def test_training_that_fails(run, monkeypatch):
    def fail(version, **_):
        raise TrainingError("fit", ValueError("two\nlines"))

    monkeypatch.setattr(training, "train", fail)
    assert refused(run("train")) == "error: training stopped in stage 'fit': two lines"


@pytest.mark.parametrize("arguments", [[], ["paint"], ["score"], ["score", "a.csv"], ["promote"], ["verify", "x"]])
def test_wrong_usage(arguments, capsys):
    with pytest.raises(SystemExit) as stopped:
        command_line.main(arguments)
    assert stopped.value.code == 2
    assert "usage: python -m ml_model" in capsys.readouterr().err


def test_as_a_module():
    done = subprocess.run([sys.executable, "-m", "ml_model", "promote", "0.0.0"], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("error: release '0.0.0' is not listed in releases.toml.")
    assert done.stderr.count("\n") == 1
    done = subprocess.run([sys.executable, "-m", "ml_model", "--help"], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert all(command in done.stdout for command in ("train", "promote", "verify", "score"))
