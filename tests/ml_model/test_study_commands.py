import json

import pytest

import ml_model.__main__ as command_line
from ml_model import study_commands


@pytest.fixture
def run(trained, monkeypatch, capsys, write_house):
    """Runs one command over a copy of the releases of the small houses; returns exit code, output and errors."""
    monkeypatch.setattr(study_commands, "TRAINED", trained)
    monkeypatch.setattr(study_commands, "DATA", write_house().parent)

    def run(*arguments):
        code = command_line.main([str(argument) for argument in arguments])
        return code, *capsys.readouterr()

    return run


@pytest.fixture
def other(trained, adopt, tmp_path, tree, write_house):
    """Lists a release 1.1.0 that was trained otherwise."""
    from ml_model.training import train

    tree["estimator"] = {"linear": {"alpha": 5000.0}}
    train("1.0.0", report=lambda line: None, spec_path=write_house(tree), trained=tmp_path / "others", override="a test")
    adopt(trained, "1.1.0", tmp_path / "others")
    write_house()


def test_releases_that_answer_alike(run, tmp_path):
    code, output, errors = run("compare", "1.0.0", "1.0.0", "--out", tmp_path / "report.html")
    assert (code, errors) == (0, "")
    assert "0.0% of the rows moved by more than 0.05, within the tolerance of 2.0% of the rows." in output
    assert (tmp_path / "report.html").read_text("utf-8").startswith("<!doctype html>")


def test_releases_that_do_not(run, other, tmp_path, house_csv):
    code, output, errors = run("compare", "1.0.0", "1.1.0")
    assert (code, errors) == (1, "")
    assert "beyond the tolerance" in output
    assert "line " in output
    assert run("compare", "1.0.0", "1.1.0", "--tolerance", "1")[0] == 0
    assert run("compare", "1.0.0", "1.1.0", "--moved", "100")[0] == 0
    (tmp_path / "rows.csv").write_text(house_csv)
    assert "on 240 rows" in run("compare", "1.0.0", "1.1.0", "--on", tmp_path / "rows.csv")[1]


def test_what_cannot_be_compared_or_written(run, tmp_path):
    assert run("compare", "1.0.0", "9.9.9")[0] == 1
    assert run("compare", "1.0.0", "1.0.0", "--on", tmp_path / "no.csv")[0] == 1
    code, _, errors = run("compare", "1.0.0", "1.0.0", "--out", tmp_path / "no" / "report.html")
    assert (code, errors.count("\n")) == (1, 1)
    assert "cannot be written" in errors


@pytest.mark.parametrize("wrong", [("--tolerance", "2"), ("--tolerance", "much"), ("--moved", "0"), ("--moved", "nan")])
def test_wrong_usage(run, wrong):
    with pytest.raises(SystemExit) as stopped:
        run("compare", "1.0.0", "1.0.0", *wrong)
    assert stopped.value.code == 2


def test_evaluate(run):
    code, output, errors = run("evaluate", "1.0.0")
    assert (code, errors) == (0, "")
    assert output.endswith("every recorded number of release 1.0.0 comes out again\n")
    assert "| Root mean squared logarithmic error | 0." in output


def test_evaluate_a_manifest_that_says_something_else(run, trained, relist):
    manifest = json.loads((trained / "1.0.0" / "manifest.json").read_bytes())
    manifest["metrics"]["rmse"]["high"] *= 1.01
    relist(trained, {"manifest.json": json.dumps(manifest).encode()})
    code, _, errors = run("evaluate", "1.0.0")
    assert code == 1
    assert errors.startswith("metrics.rmse.high: the manifest says ")
    assert errors.endswith("error: 1 number(s) of release 1.0.0 do not come out again\n")
