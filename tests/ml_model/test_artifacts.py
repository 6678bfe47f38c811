import io
import json
import re
import shutil
from pathlib import Path

import joblib
import pytest
from pydantic import ValidationError

from ml_model import artifacts, compiled
from ml_model.artifacts import (
    COMPILED,
    ESTIMATORS,
    MANIFEST,
    PARITY,
    SPEC,
    Manifest,
    Metric,
    digest,
    read_bundle,
    read_manifest,
    read_record,
    read_spec,
    write_bundle,
)
from ml_model.errors import BundleRefused
from ml_model.releases import read_releases
from ml_model.scoring import load_scorer

FILES = [
    *(MANIFEST, SPEC, ESTIMATORS, "calibration.json", "profile.json", "golden.json"),
    *(COMPILED, PARITY, "card.md", "residuals.svg", "calibration.svg", "log.jsonl"),
]


def refusal(trained):
    """Why neither the scorer nor the spec of the release is opened."""
    with pytest.raises(BundleRefused) as refused:
        load_scorer(trained=trained)
    message = str(refused.value)
    assert message.startswith("release bundle 1.0.0 refused: ")
    assert "\n" not in message
    return message


def spec_refusal(trained):
    with pytest.raises(BundleRefused) as refused:
        read_spec(trained / "1.0.0", read_releases(trained).manifests["1.0.0"])
    return str(refused.value)


class Trap:
    """Creates a file when it is unpickled."""

    def __init__(self, marker):
        self.marker = marker

    def __reduce__(self):
        return Path.touch, (self.marker,)


@pytest.fixture
def served_by_estimators(trained, monkeypatch):
    """Another onnxruntime than the one that the compiled form was certified under."""
    monkeypatch.setattr(compiled, "runtime_version", lambda: "0.1")


def pickled(content):
    buffer = io.BytesIO()
    joblib.dump(content, buffer)
    return buffer.getvalue()


def test_a_bundle_holds_the_files_that_its_manifest_lists(trained):
    names = {path.name for path in (trained / "1.0.0").iterdir()}
    assert names == set(FILES)
    manifest = json.loads((trained / "1.0.0" / MANIFEST).read_text())
    assert set(manifest["files"]) == names - {MANIFEST}


def test_what_is_read_is_what_was_written(trained, house):
    bundle = read_bundle(trained / "1.0.0", read_releases(trained).manifests["1.0.0"])
    assert bundle.spec == house
    assert read_spec(trained / "1.0.0", read_releases(trained).manifests["1.0.0"]) == house
    assert bundle.manifest.version == "1.0.0"
    assert set(bundle.profile) == set(house.fields)
    assert len(bundle.golden.records) == len(bundle.golden.scores) == 20
    assert bundle.fitted.calibration.level == 0.9
    assert bundle.fitted.difficulty is not None


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize(
    "damage",
    [
        lambda content: bytes([content[0] ^ 1]) + content[1:],
        lambda content: content[:-1] + bytes([content[-1] ^ 1]),
        lambda content: (
            content[: len(content) // 2] + bytes([content[len(content) // 2] ^ 128]) + content[len(content) // 2 + 1 :]
        ),
        lambda content: content[:-1],
        lambda content: content[: len(content) // 2],
        lambda content: content + b"\n",
        lambda content: b"",
    ],
    ids=["first byte", "last byte", "middle byte", "one byte short", "cut in half", "one byte long", "emptied"],
)
def test_a_damaged_file_is_refused(name, damage, trained):
    path = trained / "1.0.0" / name
    path.write_bytes(damage(path.read_bytes()))
    reason = f"{MANIFEST} is not the one that releases.toml lists" if name == MANIFEST else f"'{name}' was changed after"
    assert reason in refusal(trained)
    assert reason in spec_refusal(trained)


@pytest.mark.parametrize("name", FILES)
def test_a_missing_file_is_refused(name, trained):
    (trained / "1.0.0" / name).unlink()
    reason = f"there is no {MANIFEST}" if name == MANIFEST else f"'{name}' is missing"
    assert reason in refusal(trained)
    assert reason in spec_refusal(trained)


def test_an_added_file_is_refused(trained):
    (trained / "1.0.0" / "notes.txt").write_text("harmless")
    assert "'notes.txt' is not part of it" in refusal(trained)


def test_an_added_folder_is_refused(trained):
    (trained / "1.0.0" / "more").mkdir()
    assert "cannot be read" in refusal(trained)


def test_a_missing_folder_is_refused(trained):
    shutil.rmtree(trained / "1.0.0")
    assert "cannot be read: No such file or directory" in refusal(trained)


def test_the_manifest_of_another_release_is_refused(trained, released):
    shutil.copy(released["concrete"] / "1.0.0" / MANIFEST, trained / "1.0.0" / MANIFEST)
    assert f"{MANIFEST} is not the one that releases.toml lists" in refusal(trained)


def test_a_whole_bundle_of_another_model_is_refused(trained, released):
    shutil.rmtree(trained / "1.0.0")
    shutil.copytree(released["concrete"] / "1.0.0", trained / "1.0.0")
    assert f"{MANIFEST} is not the one that releases.toml lists" in refusal(trained)


# From here on someone has written the whole folder, and all digests are right.


def test_mended_digests_alone_do_no_harm(trained, relist):
    relist(trained, {"card.md": b"another card"})
    assert load_scorer(trained=trained).version == "1.0.0"


def edited(trained, **changes):
    manifest = json.loads((trained / "1.0.0" / MANIFEST).read_text())
    return json.dumps({key: value for key, value in (manifest | changes).items() if value is not None}).encode()


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"format": 2}, "it has format 2, this code reads format 1"),
        ({"seed": None}, f"{MANIFEST} cannot be read: seed: Field required"),
        ({"author": "me"}, f"{MANIFEST} cannot be read: author: Extra inputs"),
        ({"metrics": {"rmse": {"value": "low", "low": 0, "high": 1}}}, f"{MANIFEST} cannot be read: metrics.rmse.value"),
    ],
)
def test_an_edited_manifest_is_refused(changes, reason, trained, relist):
    relist(trained, {MANIFEST: edited(trained, **changes)})
    assert reason in refusal(trained)
    assert reason in spec_refusal(trained)


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        (SPEC, b"not toml", "a part of it cannot be read: model.toml: file: is not valid TOML"),
        (SPEC, b"\xff", "a part of it cannot be read"),
        ("calibration.json", b"not json", "a part of it cannot be read"),
        ("calibration.json", b'{"level": 0.9}', "a part of it cannot be read: quantile: Field required"),
        ("calibration.json", b'{"level": 0.9, "quantile": NaN, "adaptive": true}', "a part of it cannot be read: quantile"),
        ("calibration.json", b"[1]", "a part of it cannot be read"),
        ("calibration.json", b"null", "calibration.json is empty"),
        ("profile.json", b'{"area": {}}', "a part of it cannot be read: area.unknown: Field required"),
        ("profile.json", b"[]", "a part of it cannot be read"),
        ("profile.json", b"{}", "profile.json does not tell of 'area'"),
        ("golden.json", b"{", "a part of it cannot be read"),
        ("golden.json", b'{"scores": []}', "a part of it cannot be read: records: Field required"),
        (PARITY, b"{", "a part of it cannot be read"),
        (PARITY, b"{}", "a part of it cannot be read: holds: Field required"),
        (PARITY, b"null", "a part of it cannot be read"),
    ],
)
def test_a_part_that_makes_no_sense_is_refused(name, content, reason, trained, relist):
    relist(trained, {name: content})
    assert reason in refusal(trained)


@pytest.mark.parametrize(
    "content", [b"no pickle", b"", pickled({"estimator": None}), pickled([1, 2])], ids=["text", "empty", "no model", "a list"]
)
def test_estimators_that_cannot_be_opened_are_refused_where_they_answer(content, trained, relist, served_by_estimators):
    relist(trained, {ESTIMATORS: content})
    assert f"{ESTIMATORS} cannot be opened" in refusal(trained)


def test_estimators_are_opened_only_where_they_answer(trained, relist):
    """Where the compiled form answers, ``verify`` finds them: see the tests of ``parity``."""
    relist(trained, {ESTIMATORS: b"no pickle"})
    assert load_scorer(trained=trained).runtime == "onnxruntime"
    bundle = read_bundle(trained / "1.0.0", read_releases(trained).manifests["1.0.0"])
    with pytest.raises(BundleRefused, match=rf"{ESTIMATORS} cannot be opened"):
        bundle.fitted  # noqa: B018


def test_what_was_learnt_is_opened_once(trained):
    bundle = read_bundle(trained / "1.0.0", read_releases(trained).manifests["1.0.0"])
    assert bundle.fitted is bundle.fitted


def test_a_calibration_of_classes_is_refused(released, tmp_path, relist):
    folder = Path(shutil.copytree(released["penguins"], tmp_path / "penguins"))
    relist(folder, {"calibration.json": b'{"level": 0.9, "quantile": 1.0, "adaptive": true}'})
    assert "calibration.json is not empty, and classes have no intervals" in refusal(folder)


def test_golden_answers_that_do_not_come_out_are_refused(trained, relist):
    golden = json.loads((trained / "1.0.0" / "golden.json").read_text())
    golden["scores"][7]["value"] *= 1 + 1e-6
    relist(trained, {"golden.json": json.dumps(golden).encode()})
    assert "golden record 7 gets" in refusal(trained)


@pytest.mark.parametrize(
    "spoil",
    [
        lambda golden: golden["scores"].pop(),
        lambda golden: golden["records"].pop(),
        lambda golden: golden["scores"][0].pop("low"),
        lambda golden: golden["records"][0].update(rooms=99),
        lambda golden: golden.update(records=[], scores=[]),
    ],
    ids=["score gone", "record gone", "end of interval gone", "invalid record", "nothing to prove"],
)
def test_golden_records_that_prove_nothing_are_refused(spoil, trained, relist):
    golden = json.loads((trained / "1.0.0" / "golden.json").read_text())
    spoil(golden)
    relist(trained, {"golden.json": json.dumps(golden).encode()})
    assert "golden" in refusal(trained)


def test_estimators_that_learnt_something_else_are_refused(trained, relist, released, served_by_estimators):
    relist(trained, {ESTIMATORS: (released["concrete"] / "1.0.0" / ESTIMATORS).read_bytes()})
    assert "refused" in refusal(trained)


# The certificate of the compiled form.


def certificate(trained, **changes):
    """The certificate of the release with some of its keys changed, as bytes."""
    told = json.loads((trained / "1.0.0" / PARITY).read_text())
    return json.dumps(told | changes).encode()


def without(trained, relist, *names, **changed):
    """Lists the release without some of its files, with all digests right."""
    manifest = json.loads((trained / "1.0.0" / MANIFEST).read_text())
    for name in names:
        (trained / "1.0.0" / name).unlink()
        del manifest["files"][name]
    relist(trained, {MANIFEST: json.dumps(manifest).encode(), **changed})


TOGETHER = f"{COMPILED} and a certificate in {PARITY} that holds belong together"


def trials_with(trained, **changes):
    told = json.loads((trained / "1.0.0" / PARITY).read_text())["trials"]
    return told | {"drawn": told["drawn"] | changes}


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        (lambda trained: {"holds": False}, TOGETHER),
        (lambda trained: {"sha256": "0" * 64}, f"{PARITY} is the certificate of another {COMPILED}"),
        (lambda trained: {"sha256": ""}, f"{PARITY} is the certificate of another {COMPILED}"),
        (lambda trained: {"tolerance": 1e-6}, "that they do not matter"),
        (lambda trained: {"tolerance": 1.01e-9}, "that they do not matter"),
        (lambda trained: {"trials": trials_with(trained, worst=1.01e-9)}, "that they do not matter"),
        (lambda trained: {"trials": trials_with(trained, flips=1)}, "that they do not matter"),
        (lambda trained: {"tolerance": 1.0, "trials": trials_with(trained, worst=0.5)}, "that they do not matter"),
        (lambda trained: {"trials": trials_with(trained, rows=0)}, "tells of no rows"),
        (lambda trained: {"trials": {}}, "tells of no rows"),
        (lambda trained: {"trials": trials_with(trained, worst=float("nan"))}, "a part of it cannot be read"),
        (lambda trained: {"seen": "well"}, "a part of it cannot be read: seen: Extra inputs"),
    ],
)
def test_an_edited_certificate_is_refused(changes, reason, trained, relist):
    relist(trained, {PARITY: certificate(trained, **changes(trained))})
    assert reason in refusal(trained)


def test_a_compiled_form_without_its_certificate_is_refused(trained, relist):
    without(trained, relist, PARITY)
    assert TOGETHER in refusal(trained)


def test_a_certificate_without_its_compiled_form_is_refused(trained, relist):
    without(trained, relist, COMPILED)
    assert TOGETHER in refusal(trained)


def test_a_certificate_that_does_not_hold_cannot_be_edited_into_one_that_does(trained, relist):
    """Of a candidate that failed, the bundle holds no compiled form that a certificate could be about."""
    without(trained, relist, COMPILED, **{PARITY: certificate(trained, holds=False, reason="too far apart")})
    assert load_scorer(trained=trained).runtime == "scikit-learn"
    relist(trained, {PARITY: certificate(trained, holds=True)})
    assert TOGETHER in refusal(trained)


def test_a_bundle_of_before_there_were_compiled_forms_is_served_by_its_estimators(trained, relist):
    before = load_scorer(trained=trained)
    without(trained, relist, COMPILED, PARITY)
    after = load_scorer(trained=trained)
    assert (before.runtime, after.runtime) == ("onnxruntime", "scikit-learn")
    assert after.parity is None
    assert before.score([before.spec.example()])[0].value == pytest.approx(
        after.score([after.spec.example()])[0].value, rel=1e-12
    )


@pytest.mark.parametrize("content", [b"garbage", b"", b"\x08\x0a"], ids=["text", "empty", "no graph"])
def test_a_compiled_form_that_is_none_is_refused(content, trained, relist):
    relist(trained, {COMPILED: content, PARITY: certificate(trained, sha256=digest(content))})
    assert "its compiled form cannot be opened" in refusal(trained)


def test_a_compiled_form_of_another_model_is_refused(trained, relist, released):
    content = (released["concrete"] / "1.0.0" / COMPILED).read_bytes()
    relist(trained, {COMPILED: content, PARITY: certificate(trained, sha256=digest(content))})
    assert "its golden records cannot be scored" in refusal(trained)


def test_a_bundle_without_estimators_is_refused_though_its_compiled_form_would_answer(trained, relist):
    without(trained, relist, ESTIMATORS)
    assert f"a part of it cannot be read: '{ESTIMATORS}'" in refusal(trained)


def test_under_another_runtime_the_estimators_answer(trained, relist):
    relist(trained, {PARITY: certificate(trained, runtime="1.31.0")})
    scorer = load_scorer(trained=trained)
    assert scorer.runtime == "scikit-learn"
    assert scorer.parity.runtime == "1.31.0"


# Nothing of a bundle runs before all of it is verified.


def test_a_pickle_with_a_payload_is_refused_and_does_not_run(trained, tmp_path):
    marker = tmp_path / "marker"
    trap = pickled({"estimator": Trap(marker), "difficulty": None})
    (trained / "1.0.0" / ESTIMATORS).write_bytes(trap)
    assert f"'{ESTIMATORS}' was changed" in refusal(trained)
    assert not marker.exists()
    # The trap does work where nobody verifies.
    joblib.load(io.BytesIO(trap))
    assert marker.exists()


@pytest.mark.parametrize("other", [name for name in FILES if name not in {MANIFEST, ESTIMATORS}])
def test_a_listed_payload_does_not_run_where_another_file_is_wrong(other, trained, relist, tmp_path):
    marker = tmp_path / "marker"
    relist(trained, {ESTIMATORS: pickled({"estimator": Trap(marker), "difficulty": None})})
    (trained / "1.0.0" / other).write_bytes(b"x")
    assert f"'{other}' was changed" in refusal(trained)
    assert not marker.exists()


@pytest.mark.parametrize(("libraries", "built"), [({"scikit-learn": "0.24.2"}, "0.24.2"), ({}, "(not recorded)")])
def test_only_a_pickle_needs_the_scikit_learn_that_built_it(libraries, built, trained, relist, house):
    answer = load_scorer(trained=trained).score([house.example()])
    relist(trained, {MANIFEST: edited(trained, libraries=libraries)})
    listed = read_releases(trained).manifests["1.0.0"]
    assert read_spec(trained / "1.0.0", listed) == house
    assert read_manifest(trained / "1.0.0", listed).libraries == libraries
    assert "card.md" in read_record(trained / "1.0.0", listed, ".md")[1]
    assert load_scorer(trained=trained).score([house.example()]) == answer
    with pytest.raises(BundleRefused, match=re.escape(f"pipeline.joblib was built by scikit-learn {built}, and this is")):
        read_bundle(trained / "1.0.0", listed).fitted  # noqa: B018
    without(trained, relist, COMPILED, PARITY)
    assert f"built by scikit-learn {built}, and this is" in refusal(trained)


def test_a_payload_does_not_run_under_another_library(trained, relist, tmp_path, served_by_estimators):
    marker = tmp_path / "marker"
    trap = pickled({"estimator": Trap(marker), "difficulty": None})
    relist(trained, {ESTIMATORS: trap, MANIFEST: edited(trained, libraries={"scikit-learn": "0.1"})})
    assert "built by scikit-learn 0.1" in refusal(trained)
    assert not marker.exists()


def test_reading_the_spec_opens_no_pickle(trained, relist, tmp_path, house):
    marker = tmp_path / "marker"
    relist(trained, {ESTIMATORS: pickled({"estimator": Trap(marker), "difficulty": None})})
    assert read_spec(trained / "1.0.0", read_releases(trained).manifests["1.0.0"]) == house
    assert not marker.exists()


def test_a_warning_while_opening_is_a_refusal(trained, monkeypatch, served_by_estimators):
    def warn(file):
        import warnings

        warnings.warn("built by another version", UserWarning, stacklevel=1)

    monkeypatch.setattr(joblib, "load", warn)
    assert f"{ESTIMATORS} cannot be opened: built by another version" in refusal(trained)


# Writing.


@pytest.fixture
def manifest(trained):
    return Manifest.model_validate_json((trained / "1.0.0" / MANIFEST).read_bytes()).model_copy(update={"files": {}})


def test_writing_records_the_digests(tmp_path, manifest):
    folder = tmp_path / "new" / "2.0.0"
    complete = write_bundle(folder, manifest, {"b.txt": b"two", "a.txt": b"one"})
    assert complete.files == {"a.txt": digest(b"one"), "b.txt": digest(b"two")}
    assert (folder / "b.txt").read_bytes() == b"two"
    assert Manifest.model_validate_json((folder / MANIFEST).read_bytes()) == complete
    assert [path.name for path in folder.parent.iterdir()] == ["2.0.0"]
    assert folder.stat().st_mode & 0o777 == 0o755


def test_an_existing_folder_is_never_overwritten(tmp_path, manifest):
    folder = tmp_path / "2.0.0"
    folder.mkdir()
    with pytest.raises(BundleRefused, match="never overwritten"):
        write_bundle(folder, manifest, {"a.txt": b"one"})
    assert list(folder.iterdir()) == []
    assert list(tmp_path.glob(".2.0.0*")) == []


@pytest.mark.parametrize("moment", ["write_bytes", "write_text", "rename"])
@pytest.mark.parametrize("error", [OSError("disk full"), KeyboardInterrupt()], ids=["disk full", "interrupted"])
def test_a_failure_half_way_leaves_nothing(moment, error, tmp_path, manifest, monkeypatch):
    def fail(*_, **__):
        raise error

    folder = tmp_path / "new" / "2.0.0"
    with monkeypatch.context() as patched:
        patched.setattr(artifacts.Path, moment, fail)
        with pytest.raises(type(error)):
            write_bundle(folder, manifest, {"a.txt": b"one"})
    assert list(folder.parent.iterdir()) == []


def test_figures_are_finite():
    for value in (float("nan"), float("inf")):
        with pytest.raises(ValidationError, match="finite"):
            Metric(value=value, low=0, high=1)
