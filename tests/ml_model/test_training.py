import datetime as dt
import json
import platform
from importlib.metadata import version

import numpy as np
import pytest
from sklearn.neighbors import KNeighborsRegressor
from sklearn.pipeline import make_pipeline

from ml_model import parity, training
from ml_model.artifacts import COMPILED, PARITY, digest, read_bundle
from ml_model.data import load_dataset
from ml_model.errors import DataError, GatesFailed, ReleaseError, TrainingError
from ml_model.evaluation import classification_metrics
from ml_model.features import FeatureEncoder
from ml_model.gates import gates_digest
from ml_model.pipeline import encoded
from ml_model.releases import read_releases
from ml_model.scoring import load_scorer
from ml_model.training import train


@pytest.fixture
def house_path(write_house, tree):
    """A spec that learns quickly."""
    tree["estimator"] = {"seed": 7, "linear": {"weight": 20.0}, "boosting": {"trees": 5}}
    return write_house(tree)


def silent(line):
    """Report nothing."""


def left_behind(folder):
    return sorted(path.name for path in folder.iterdir()) if folder.exists() else []


# What a training leaves.


def test_stages_are_reported_in_their_order(house_path, tmp_path):
    lines = []
    train("1.0.0", report=lines.append, spec_path=house_path, trained=tmp_path / "trained")
    stages = ["load", "check", "split", "features", "fit", "calibrate", "compile", "evaluate", "gate", "bundle"]
    progress = [line for line in lines if line.startswith("compile: ")]
    assert [line.split("'")[1] for line in progress] == [
        "data", "jittered", "thresholds", "unknown", "choices", "extremes", "drawn",
    ]  # fmt: skip
    lines = [line for line in lines if line not in progress]
    assert [line.split()[0] for line in lines[::2]] == stages
    assert lines[::2] == [f"{stage} …" for stage in stages]
    assert all(line.startswith(f"{stage} done in ") for stage, line in zip(stages, lines[1::2], strict=True))


def test_the_first_goes_live_and_the_next_waits(house_path, tmp_path):
    folder = tmp_path / "trained"
    first = train("1.0.0", report=silent, spec_path=house_path, trained=folder)
    second = train("1.0.1", report=silent, spec_path=house_path, trained=folder)
    assert left_behind(folder) == ["1.0.0", "1.0.1", "releases.toml"]
    assert read_releases(folder).live == "1.0.0"
    assert read_releases(folder).manifests == {
        number: digest((folder / number / "manifest.json").read_bytes()) for number in ("1.0.0", "1.0.1")
    }
    assert load_scorer("1.0.0", folder).manifest == first
    assert load_scorer("1.0.1", folder).manifest == second


def test_the_same_seed_gives_the_same_answers(house_path, tmp_path, tree, write_house):
    folder = tmp_path / "trained"
    for number in ("1.0.0", "1.0.1"):
        train(number, report=silent, spec_path=house_path, trained=folder)
    scorers = [load_scorer(number, folder) for number in ("1.0.0", "1.0.1")]
    golden = json.loads((folder / "1.0.0" / "golden.json").read_text())
    assert scorers[0].score(golden["records"]) == scorers[1].score(golden["records"])
    assert scorers[0].manifest.metrics == scorers[1].manifest.metrics
    for name in ("model.toml", "golden.json", "calibration.json", "profile.json"):
        assert (folder / "1.0.0" / name).read_bytes() == (folder / "1.0.1" / name).read_bytes()
    tree["estimator"]["seed"] = 8
    other = write_house(tree)
    train("1.0.2", report=silent, spec_path=other, trained=folder)
    assert load_scorer("1.0.2", folder).score(golden["records"]) != scorers[0].score(golden["records"])


@pytest.mark.parametrize("name", ["penguins", "credit", "concrete"])
def test_facts_of_the_manifest_are_true(name, released, scorers, specs, data_folder):
    manifest, spec = scorers[name].manifest, specs[name]
    dataset = load_dataset(spec, data_folder)
    content = (data_folder / spec.data.file).read_bytes()
    assert (manifest.format, manifest.model, manifest.version, manifest.seed) == (
        1,
        spec.model.name,
        "1.0.0",
        spec.estimator.seed,
    )
    assert (manifest.data.file, manifest.data.sha256) == (spec.data.file, digest(content))
    assert (manifest.data.origin, manifest.data.licence) == (dataset.provenance.origin, dataset.provenance.licence)
    assert manifest.data.rows == content.count(b"\n") - 1 == manifest.data.train_rows + manifest.data.test_rows
    assert manifest.data.test_rows == dataset.is_test.sum()
    assert manifest.data.test_rows / manifest.data.rows == pytest.approx(spec.data.test_share, abs=0.05)
    assert manifest.python == platform.python_version()
    assert manifest.machine == platform.machine()
    assert manifest.libraries == {name: version(name) for name in manifest.libraries}
    assert {"scikit-learn", "numpy", "onnx", "onnxruntime", "pandas", "pydantic"} <= manifest.libraries.keys()
    trained_at = dt.datetime.fromisoformat(manifest.trained_at)
    assert trained_at.utcoffset() == dt.timedelta(0)
    assert dt.datetime.now(dt.UTC) - trained_at < dt.timedelta(hours=1)
    assert 0 < manifest.duration_s < 600
    bundle = released[name] / "1.0.0"
    assert (
        manifest.spec_sha256
        == digest((bundle / "model.toml").read_bytes())
        == digest((data_folder / f"{name}.toml").read_bytes())
    )
    assert manifest.files == {path.name: digest(path.read_bytes()) for path in bundle.iterdir() if path.name != "manifest.json"}


def test_metrics_are_of_the_test_rows_alone(scorers, specs, data_folder):
    for name in ("penguins", "credit"):
        dataset, spec = load_dataset(specs[name], data_folder), specs[name]
        held = [record for record, is_test in zip(dataset.records, dataset.is_test, strict=True) if is_test]
        probabilities = np.array([list(score.probabilities.values()) for score in scorers[name].score(held)])
        expected = classification_metrics(dataset.target[dataset.is_test], probabilities, seed=spec.estimator.seed)
        for metric, figure in scorers[name].manifest.metrics.items():
            assert figure.value == pytest.approx(expected[metric].value, rel=1e-9)


@pytest.mark.parametrize(
    ("name", "metric", "least"),
    [
        ("penguins", "accuracy", 0.97),
        ("credit", "accuracy", 0.77),
        ("concrete", "r2", 0.85),
        ("house", "r2", 0.6),
        ("house", "coverage", 0.8),
    ],
)
def test_the_models_are_good(name, metric, least, scorers):
    assert scorers[name].manifest.metrics[metric].value > least


def test_golden_records_are_the_example_and_test_rows(released, scorers, specs, data_folder):
    for name in ("penguins", "credit", "concrete"):
        golden = json.loads((released[name] / "1.0.0" / "golden.json").read_text())
        dataset = load_dataset(specs[name], data_folder)
        held = [record for record, is_test in zip(dataset.records, dataset.is_test, strict=True) if is_test]
        assert golden["records"] == [scorers[name].validator.validate([specs[name].example()])[0], *held[:19]]


def test_the_profile_counts_the_rows_that_it_learnt_from(released, specs, data_folder):
    profile = json.loads((released["penguins"] / "1.0.0" / "profile.json").read_text())
    dataset = load_dataset(specs["penguins"], data_folder)
    learnt = [record for record, is_test in zip(dataset.records, dataset.is_test, strict=True) if not is_test]
    for name, held in profile.items():
        values = [record[name] for record in learnt]
        assert held["unknown"] == values.count(None)
        assert held["choices"] == {choice: values.count(choice) for choice in specs["penguins"].fields[name].codes}


# What a failure leaves.


@pytest.mark.parametrize("number", ["1", "v1.0.0", "../1.0.0", ""])
def test_a_bad_version_stops_before_anything(number, house_path, tmp_path):
    lines = []
    with pytest.raises(ReleaseError, match="write MAJOR"):
        train(number, report=lines.append, spec_path=house_path, trained=tmp_path / "trained")
    assert lines == left_behind(tmp_path / "trained") == []


def test_a_release_is_never_trained_twice(house_path, trained):
    before = {path: path.read_bytes() for path in trained.rglob("*") if path.is_file()}
    with pytest.raises(ReleaseError, match=r"release 1\.0\.0 exists already"):
        train("1.0.0", report=silent, spec_path=house_path, trained=trained)
    assert {path: path.read_bytes() for path in trained.rglob("*") if path.is_file()} == before


def test_a_folder_that_is_not_listed_is_not_overwritten(house_path, tmp_path):
    folder = tmp_path / "trained"
    (folder / "1.0.0").mkdir(parents=True)
    with pytest.raises(TrainingError, match=r"stage 'bundle': release bundle 1\.0\.0 refused: a release is never overwritten"):
        train("1.0.0", report=silent, spec_path=house_path, trained=folder)
    assert left_behind(folder) == ["1.0.0"]
    assert left_behind(folder / "1.0.0") == []


def fail(*_, **__):
    raise OSError("no space left on device")


@pytest.mark.parametrize(
    ("stage", "function"),
    [
        ("load", "load_dataset"),
        ("check", "check_data"),
        ("split", "compress"),
        ("features", "FeatureEncoder"),
        ("fit", "build_estimator"),
        ("calibrate", "calibrate"),
        ("compile", "certified"),
        ("evaluate", "evaluate"),
        ("evaluate", "pack"),
        ("gate", "run_gates_beside"),
        ("bundle", "card_files"),
        ("bundle", "write_bundle"),
        ("bundle", "add_release"),
    ],
)
def test_a_failure_names_its_stage_and_leaves_nothing(stage, function, house_path, tmp_path, monkeypatch):
    folder = tmp_path / "trained"
    monkeypatch.setattr(training, function, fail)
    with pytest.raises(TrainingError, match=f"^training stopped in stage '{stage}': no space left on device$") as stopped:
        train("1.0.0", report=silent, spec_path=house_path, trained=folder)
    assert stopped.value.stage == stage
    assert left_behind(folder) == []


def test_a_failure_leaves_the_releases_before_it(house_path, trained, monkeypatch):
    before = {path: path.read_bytes() for path in trained.rglob("*") if path.is_file()}
    monkeypatch.setattr(training, "add_release", fail)
    with pytest.raises(TrainingError):
        train("2.0.0", report=silent, spec_path=house_path, trained=trained)
    assert {path: path.read_bytes() for path in trained.rglob("*") if path.is_file()} == before


def test_an_interrupt_leaves_nothing(house_path, tmp_path, monkeypatch):
    def interrupt(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(training, "add_release", interrupt)
    with pytest.raises(KeyboardInterrupt):
        train("1.0.0", report=silent, spec_path=house_path, trained=tmp_path / "trained")
    assert left_behind(tmp_path / "trained") == []


def test_faults_of_the_user_are_told_in_one_line(write_house, tree, tmp_path):
    tree["estimator"]["bosting"] = {}
    path = write_house(tree)
    for _ in range(2):
        with pytest.raises(TrainingError) as stopped:
            train("1.0.0", report=silent, spec_path=path, trained=tmp_path / "trained")
        assert stopped.value.stage == "load"
        assert "\n" not in str(stopped.value)
        path.unlink(missing_ok=True)


def test_too_few_rows_of_a_class(write_house, tree, house_csv, tmp_path):
    tree["model"]["task"] = "binary"
    tree["field"].pop(2)
    tree["target"] |= {"column": "Garden", "transform": "none", "classes": [["yes", "Yes"], ["no", "No"]]}
    tree["estimator"] = {"linear": {}}
    rare = house_csv.replace(",no,", ",yes,").replace(",yes,", ",no,", 4)
    with pytest.raises(TrainingError) as stopped:
        train("1.0.0", report=silent, spec_path=write_house(tree, rare), trained=tmp_path / "trained")
    assert stopped.value.stage == "check"
    assert "Garden: class_rare: class 'no' has 3 training row(s)" in str(stopped.value)
    none = house_csv.replace(",no,", ",yes,")
    with pytest.raises(TrainingError, match="class 'no' has 0 training row") as stopped:
        train("1.0.0", report=silent, spec_path=write_house(tree, none), trained=tmp_path / "trained")
    assert isinstance(stopped.value.__cause__, DataError)
    assert left_behind(tmp_path / "trained") == []


# Promises about what it learns, before and after.


def test_training_does_not_see_the_test_rows(write_house, tree, house_csv, tmp_path, house):
    """Another price of the test rows changes the metrics and no answer."""
    tree["estimator"] = {"seed": 7, "linear": {"weight": 20.0}, "boosting": {"trees": 5}}
    path = write_house(tree)
    train("1.0.0", report=silent, spec_path=path, trained=tmp_path / "trained")
    dataset = load_dataset(house, path.parent)
    header, *lines = house_csv.splitlines()
    held = np.flatnonzero(dataset.is_test)
    prices = dict(zip(held.tolist(), np.roll([lines[row].rpartition(",")[2] for row in held], 1).tolist(), strict=True))
    spoiled = [f"{line.rpartition(',')[0]},{prices[row]}" if row in prices else line for row, line in enumerate(lines)]
    path = write_house(tree, "\n".join([header, *spoiled]) + "\n")
    with pytest.raises(GatesFailed, match=r"sanity\.trivial"):
        train("1.0.1", report=silent, spec_path=path, trained=tmp_path / "trained")
    train("1.0.1", report=silent, spec_path=path, trained=tmp_path / "trained", override="prices of test rows were changed")
    before, after = (load_scorer(number, tmp_path / "trained") for number in ("1.0.0", "1.0.1"))
    assert before.score(dataset.records) == after.score(dataset.records)
    assert after.manifest.metrics["rmse"].value > 1.5 * before.manifest.metrics["rmse"].value


def test_the_order_of_the_fields_in_the_file_is_the_order_of_the_columns(house):
    assert FeatureEncoder(house).names[: len(house.field) - 1] == tuple(house.fields)[:-1]


# What gates do to it.


@pytest.fixture
def gated(tree, write_house):
    """Writes a spec whose gates let nothing pass."""
    tree["estimator"] = {"seed": 7, "linear": {}}
    tree["gates"] = {"metric": "rmsle", "limits": {"rmsle": [0, 1e-6]}}
    return write_house(tree)


def test_a_refused_candidate_is_not_listed(gated, tmp_path):
    folder = tmp_path / "trained"
    with pytest.raises(GatesFailed) as refused:
        train("1.0.0", report=silent, spec_path=gated, trained=folder)
    assert [line.partition(":")[0] for line in refused.value.failed] == ["limits.rmsle"]
    assert str(refused.value) == "release 1.0.0 is refused by 1 gate(s): limits.rmsle"
    assert left_behind(folder) == []


def test_a_refused_candidate_is_kept_for_study(gated, tmp_path):
    folder, kept = tmp_path / "trained", tmp_path / "kept"
    with pytest.raises(GatesFailed):
        train("1.0.0", report=silent, spec_path=gated, trained=folder, keep=kept)
    assert left_behind(folder) == []
    bundle = read_bundle(kept, digest((kept / "manifest.json").read_bytes()))
    assert [gate.name for gate in bundle.manifest.gates if not gate.passed] == ["limits.rmsle"]
    with pytest.raises(ReleaseError, match="kept exists already"):
        train("1.0.0", report=silent, spec_path=gated, trained=folder, keep=kept)


def test_an_override_goes_into_the_history_with_its_reason(gated, tmp_path, house_path):
    folder = tmp_path / "trained"
    manifest = train("1.0.0", report=silent, spec_path=gated, trained=folder, override="for the demonstration")
    assert not all(gate.passed for gate in manifest.gates)
    (entry,) = read_releases(folder).history
    assert (entry.version, entry.reason, entry.overridden) == ("1.0.0", "for the demonstration", True)
    assert entry.gates == gates_digest(manifest.gates)


def test_an_override_of_nothing_is_none(house_path, tmp_path):
    train("1.0.0", report=silent, spec_path=house_path, trained=tmp_path / "trained", override="in case")
    (entry,) = read_releases(tmp_path / "trained").history
    assert (entry.reason, entry.overridden) == ("", False)


def test_the_manifest_holds_what_was_judged(house_path, tmp_path, tree, write_house):
    folder = tmp_path / "trained"
    train("1.0.0", report=silent, spec_path=house_path, trained=folder)
    tree["estimator"] = {"seed": 7, "linear": {"weight": 20.0}, "boosting": {"trees": 5}}
    tree["gates"] = {"metric": "rmsle", "latency_ratio": 100.0, "load_ratio": 100.0}
    tree["slice"] = [{"name": "large", "label": "Large", "where": "area > 1500"}]
    manifest = train("1.0.1", report=silent, spec_path=write_house(tree), trained=folder)
    assert manifest.compared_with == "1.0.0"
    assert manifest.hyperparameters["estimator"]["boosting"]["trees"] == 5
    assert manifest.hyperparameters["interval"]["level"] == 0.9
    assert 0 < manifest.slices["large"].rows < manifest.data.test_rows
    assert {gate.name: gate.detail for gate in manifest.gates}["live"].startswith("no difference on ")
    assert load_scorer("1.0.1", folder).manifest == manifest


def test_the_log_tells_of_each_stage(house_path, tmp_path):
    train("1.0.0", report=silent, spec_path=house_path, trained=tmp_path / "trained")
    entries = [json.loads(line) for line in (tmp_path / "trained/1.0.0/log.jsonl").read_text().splitlines()]
    assert [one["stage"] for one in entries] == [
        "load", "check", "split", "features", "fit", "calibrate", "compile", "evaluate", "gate",
    ]  # fmt: skip
    assert (entries[6]["holds"], entries[6]["reason"]) == (True, "")
    assert {"data", "thresholds", "unknown", "choices", "drawn"} <= entries[6]["worst"].keys()
    assert 0 <= max(entries[6]["worst"].values()) < 1e-12
    assert entries[0]["rows"] == entries[2]["training_rows"] + entries[2]["test_rows"] == 240
    assert entries[-1]["gates"]["sanity.trivial"] is True
    assert all(one["duration_s"] >= 0 for one in entries)


def test_where_the_proof_fails_scikit_learn_serves(house_path, tmp_path, monkeypatch):
    """The compiled form answers a little too much."""
    folder = tmp_path / "trained"
    train("1.0.0", report=silent, spec_path=house_path, trained=folder)
    honest = parity.compiled_answers
    monkeypatch.setattr(parity, "compiled_answers", lambda content: lambda matrix: honest(content)(matrix) * (1 + 1e-8))
    manifest = train("1.0.1", report=silent, spec_path=house_path, trained=folder)
    assert COMPILED not in manifest.files
    told = json.loads((folder / "1.0.1" / PARITY).read_text())
    assert not told["holds"]
    assert told["reason"].startswith("beyond the tolerance on rows of the kind data, jittered, thresholds, ")
    assert told["reason"].endswith("worst is 1e-08")
    entries = [json.loads(line) for line in (folder / "1.0.1" / "log.jsonl").read_text().splitlines()]
    assert [one["reason"] for one in entries if one["stage"] == "compile"] == [told["reason"]]
    assert f"By scikit-learn, because there is no compiled form of it: {told['reason']}." in (
        (folder / "1.0.1" / "card.md").read_text("utf-8")
    )
    scorers = [load_scorer(number, folder) for number in ("1.0.0", "1.0.1")]
    assert [scorer.runtime for scorer in scorers] == ["onnxruntime", "scikit-learn"]
    values = [scorer.score([scorer.spec.example()])[0].value for scorer in scorers]
    assert values[0] == pytest.approx(values[1], rel=1e-12)


def test_what_cannot_be_compiled_is_served_by_scikit_learn(house_path, tmp_path, monkeypatch):
    monkeypatch.setattr(training, "build_estimator", lambda spec: make_pipeline(encoded(spec), KNeighborsRegressor()))
    manifest = train("1.0.0", report=silent, spec_path=house_path, trained=tmp_path, override="an estimator of my own")
    assert COMPILED not in manifest.files
    told = json.loads((tmp_path / "1.0.0" / PARITY).read_text())
    assert (told["holds"], told["reason"]) == (False, "KNeighborsRegressor cannot be compiled")
    assert load_scorer(trained=tmp_path).runtime == "scikit-learn"


def test_a_live_release_that_is_refused_is_a_gate_that_an_override_gets_past(house_path, tmp_path):
    trained = tmp_path / "trained"
    train("1.0.0", report=silent, spec_path=house_path, trained=trained)
    (trained / "1.0.0" / "golden.json").write_text("{}")
    with pytest.raises(GatesFailed, match=r"1\.0\.1") as refused:
        train("1.0.1", report=silent, spec_path=house_path, trained=trained)
    assert [line.partition(":")[0] for line in refused.value.failed] == ["live"]
    train("1.0.1", report=silent, spec_path=house_path, trained=trained, override="The live bundle is damaged.")
    assert read_releases(trained).history[-1].overridden
