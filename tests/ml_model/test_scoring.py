import csv
import dataclasses
import json
import math
import shutil
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from ml_model.artifacts import Calibration
from ml_model.csv_files import read_table
from ml_model.data import load_dataset, records_of
from ml_model.errors import BundleRefused, RecordsRefused, ReleaseError
from ml_model.features import FeatureEncoder
from ml_model.files import score_file
from ml_model.releases import add_release, read_releases, set_live
from ml_model.scoring import ends_of, interval, intervals, load_scorer

NAMES = ["penguins", "credit", "concrete", "house"]


@pytest.fixture(scope="module")
def known(data_folder, specs, scorers, released):
    """Records of each model."""
    found = {name: load_dataset(specs[name], data_folder).records[::7] for name in NAMES[:3]}
    golden = json.loads((released["house"] / "1.0.0" / "golden.json").read_text())
    return {**found, "house": golden["records"] * 3}


@pytest.fixture
def scorer(scorers):
    return scorers["house"]


@pytest.mark.parametrize("name", NAMES)
def test_no_records_have_no_answers(name, scorers):
    assert scorers[name].score([]) == []


@pytest.mark.parametrize("name", NAMES)
def test_answers_come_in_the_order_of_the_records(name, scorers, known):
    records = known[name]
    forwards, backwards = scorers[name].score(records), scorers[name].score(records[::-1])
    assert [score.record for score in forwards] == records
    for one, other in zip(forwards, backwards[::-1], strict=True):
        assert one.record == other.record
        assert one.label == other.label
        np.testing.assert_allclose(numbers(one), numbers(other), rtol=1e-13)


def numbers(score):
    return list(score.probabilities.values()) if score.probabilities else [score.value, score.low, score.high]


@pytest.mark.parametrize("name", NAMES)
def test_one_by_one_is_all_at_once(name, scorers, known):
    together = scorers[name].score(known[name])
    for record, score in list(zip(known[name], together, strict=True))[:20]:
        (alone,) = scorers[name].score([record])
        # A product of matrices sums in another order when it has more rows.
        np.testing.assert_allclose(numbers(alone), numbers(score), rtol=1e-13)
        assert (alone.record, alone.label, alone.level, alone.warnings) == (
            score.record,
            score.label,
            score.level,
            score.warnings,
        )


@pytest.mark.parametrize("name", ["concrete", "house"])
def test_numbers_lie_in_their_intervals_at_the_declared_level(name, scorers, known):
    for score in scorers[name].score(known[name]):
        assert score.low < score.value < score.high
        assert score.level == 0.9
        assert score.label is score.probabilities is None
        assert all(type(one) is float for one in numbers(score))


@pytest.mark.parametrize("name", ["penguins", "credit"])
def test_classes_have_probabilities_that_sum_to_one(name, scorers, known, specs):
    for score in scorers[name].score(known[name]):
        assert tuple(score.probabilities) == specs[name].classes
        assert sum(score.probabilities.values()) == pytest.approx(1, rel=1e-12)
        assert score.label == max(score.probabilities, key=score.probabilities.get)
        assert score.value is score.low is score.high is score.level is None


def test_intervals_of_a_logarithm_are_factors(scorers, known):
    for score in scorers["house"].score(known["house"]):
        assert score.high / score.value == pytest.approx(score.value / score.low, rel=1e-12)
    for score in scorers["concrete"].score(known["concrete"]):
        assert score.high - score.value == pytest.approx(score.value - score.low, rel=1e-9)


def test_one_width_and_many_widths(scorers, known):
    widths = {round(score.high - score.low, 9) for score in scorers["concrete"].score(known["concrete"])}
    assert len(widths) == 1
    factors = {round(score.high / score.low, 9) for score in scorers["house"].score(known["house"])}
    assert len(factors) > 10


def test_an_answer_keeps_the_record_as_it_was_understood(scorer, record):
    given_record = {"lot": 5000, "rooms": 4.0, "heating": "gas", "area": -0.0}
    (score,) = scorer.score([given_record])
    assert score.record == dict.fromkeys(record) | {"lot": 5000.0, "rooms": 4, "heating": "gas", "area": 0.0}
    assert list(score.record) == list(record)


def test_nothing_is_scored_where_one_record_is_refused(scorer, record):
    with pytest.raises(RecordsRefused) as refused:
        scorer.score([record, record | {"rooms": 99}, record, 5])
    assert list(refused.value.errors_by_row) == [1, 3]


def test_blank_none_and_zero_have_three_answers(scorer, record):
    values = [scorer.score([record | {"cellar": cellar}])[0].value for cellar in (None, "none", "full")]
    assert len(set(values)) == 3
    values = [scorer.score([record | {"area": area}])[0].value for area in (None, 0.0, 1750.0)]
    assert len(set(values)) == 3


def test_a_larger_house_costs_more(scorer, record):
    small, large = scorer.score([record | {"area": 600}, record | {"area": 2900}])
    assert small.high < large.low


@pytest.mark.parametrize("name", NAMES)
def test_answers_at_the_ends_of_every_range_are_finite(name, scorers, specs):
    for end in (0, 1):
        changes = {field.name: field.range[end] for field in specs[name].field if field.range}
        (score,) = scorers[name].score([specs[name].example() | changes])
        assert np.isfinite(numbers(score)).all()


@pytest.mark.parametrize("name", NAMES)
def test_a_record_of_unknowns_is_answered(name, scorers, specs):
    record = {field.name: field.example for field in specs[name].field if field.required}
    (score,) = scorers[name].score([record])
    assert np.isfinite(numbers(score)).all()


@pytest.mark.parametrize("beside", [0, 100])
def test_blocks_are_answered_ahead_as_they_are_at_once(beside, scorers, known, monkeypatch):
    monkeypatch.setattr("ml_model.scoring._TOGETHER", 4)
    monkeypatch.setattr("ml_model.scoring._NOT_BESIDE", beside)
    for name in NAMES:
        scorer, records = scorers[name], known[name][:14]
        seen, waiting = [], []
        for block, answers in scorer.answer_ahead(records):
            seen.append(list(block.records()))
            waiting.append(answers)
        assert list(map(len, seen)) == [4, 4, 4, 2]
        scores = [score for one, block in zip(waiting, seen, strict=True) for score in one().scores(block, scorer.level)]
        assert scores == scorer.score(records)


@pytest.mark.parametrize("beside", [0, 100])
def test_a_fault_in_the_last_block_names_all_faults(beside, scorer, record, monkeypatch):
    monkeypatch.setattr("ml_model.scoring._TOGETHER", 4)
    monkeypatch.setattr("ml_model.scoring._NOT_BESIDE", beside)
    records = [record | {"rooms": 99} if row in {5, 13} else record for row in range(14)]
    with pytest.raises(RecordsRefused) as refused:
        list(scorer.answer_ahead(records))
    assert list(refused.value.errors_by_row) == [5, 13]


@pytest.mark.parametrize("transform", ["none", "log"])
@pytest.mark.parametrize("adaptive", [True, False])
@pytest.mark.parametrize("quantile", [0.0, 0.31, 1.0, 1e3, 1e300])
def test_the_interval_of_one_is_that_among_many(transform, adaptive, quantile, scorers):
    spec = scorers["concrete"].spec
    spec = spec.model_copy(update={"target": spec.target.model_copy(update={"transform": transform})})
    calibration = Calibration(level=0.9, quantile=quantile, adaptive=adaptive)
    largest = math.log(sys.float_info.max)
    difficulties = (0.0, 1.7, 700.0, largest, math.nextafter(largest, 710.0), 1e300, math.inf, math.nan)
    rows = [(value, difficulty) for value in (0.0, 2.5e5, -3.3, 1e308, math.inf) for difficulty in difficulties]
    answers = np.array(rows)[:, : 1 + adaptive]
    with np.errstate(over="ignore", invalid="ignore"):
        together = np.column_stack(intervals(spec, calibration, answers))
    np.testing.assert_array_equal([interval(spec, calibration, row) for row in answers.tolist()], together, strict=True)


def test_what_has_not_begun_when_a_record_is_refused_is_dropped(scorer, record, monkeypatch):
    monkeypatch.setattr("ml_model.scoring._TOGETHER", 4)
    monkeypatch.setattr("ml_model.scoring._NOT_BESIDE", 0)
    go_on, begun = threading.Event(), []

    def answers(matrix):
        begun.append(len(matrix))
        go_on.wait(10)
        return matrix

    monkeypatch.setattr(scorer, "_answers", answers)
    threading.Timer(0.2, go_on.set).start()
    with pytest.raises(RecordsRefused):
        list(scorer.answer_ahead([record] * 12 + [record | {"rooms": 99}]))
    assert go_on.is_set()
    assert begun == [4]


# Answers that are not finite.


def refused_rows(answer):
    with pytest.raises(RecordsRefused) as refused:
        answer()
    faults = [fault for errors in refused.value.errors_by_row.values() for fault in errors]
    assert {(fault.pointer, fault.code) for fault in faults} == {("", "no_answer")}
    assert all("no finite answer" in fault.detail for fault in faults)
    return list(refused.value.errors_by_row)


def test_a_record_without_a_finite_answer_is_refused_through_every_way(boundless, monkeypatch):
    monkeypatch.setattr("ml_model.scoring._TOGETHER", 4)
    monkeypatch.setattr("ml_model.scoring._NOT_BESIDE", 20)
    numbers = [1e300 if row in {1, 5, 6, 13} else 3.0 for row in range(15)]
    records = [{"area": number} for number in numbers]
    assert refused_rows(lambda: boundless.score(records[:3])) == [1]
    assert refused_rows(lambda: boundless.score([records[1]])) == [0]
    assert refused_rows(lambda: boundless.score(records)) == [1, 5, 6, 13]
    assert refused_rows(lambda: boundless.score_columns({"area": numbers})) == [1, 5, 6, 13]
    for many in (records, records * 2):
        waiting = [answers for _, answers in boundless.answer_ahead(many)]
        assert refused_rows(lambda waiting=waiting: [answers() for answers in waiting])[:4] == [1, 5, 6, 13]
    assert len(boundless.score([record for record in records if record["area"] == 3.0])) == 11


@pytest.mark.parametrize("boundless", ["linear"], indirect=True)
def test_an_end_that_is_not_finite_is_none(boundless):
    # The answer is about e to this power, so the largest ones that are finite have no finite end above them.
    number = next(number for number in range(500, 1000) if boundless.score([{"area": number}])[0].high is None)
    (alone,) = boundless.score([{"area": number}])
    assert math.isfinite(alone.value)
    assert 0 <= alone.low < alone.value
    for score in [*boundless.score([{"area": number}] * 12), *boundless.score_columns({"area": [number] * 3})]:
        # The runtime may sum one row and many rows in another order, and the exponential makes the last bit of a sum many.
        assert (score.value, score.low) == pytest.approx((alone.value, alone.low), rel=1e-12)
        assert score.high is None
    lows, highs = ends_of([alone])
    assert (lows.tolist(), highs.tolist()) == ([alone.low], [math.inf])


def test_a_file_with_rows_that_have_no_answer_is_scored(boundless, tmp_path):
    source, result = tmp_path / "in.csv", tmp_path / "out.csv"
    source.write_text("Area\n3\n1e300\nx\n4\n", "utf-8")
    assert score_file(boundless, source, result) == (4, 2)  # rows, refused
    lines = list(csv.DictReader(result.read_text("utf-8").splitlines()))
    assert [bool(line["prediction"]) for line in lines] == [True, False, False, True]
    assert "no finite answer" in lines[1]["error"]


# Sharing.


@pytest.mark.parametrize("name", NAMES)
def test_threads_share_a_scorer(name, scorers, known):
    scorer, records = scorers[name], known[name][:8]
    expected = [scorer.score([record]) for record in records]
    together = threading.Barrier(4)

    def score(_):
        together.wait(timeout=30)
        return [scorer.score([record]) for record in records]

    with ThreadPoolExecutor(4) as pool:
        for answers in pool.map(score, range(4)):
            assert answers == expected


def test_answers_cannot_be_changed(scorer, record):
    (score,) = scorer.score([record])
    with pytest.raises(dataclasses.FrozenInstanceError):
        score.value = 0.0


# Loading.


def test_without_a_live_release(tmp_path):
    with pytest.raises(ReleaseError, match="there is no live release; run 'python -m ml_model train'"):
        load_scorer(trained=tmp_path)


def test_a_release_that_is_not_listed(trained):
    with pytest.raises(ReleaseError, match=r"'1\.0\.1' is not listed in releases\.toml\. Did you mean '1\.0\.0'\?"):
        load_scorer("1.0.1", trained)


def test_a_release_by_version(trained, released, specs, adopt):
    adopt(trained, "2.0.0", released["concrete"])
    assert load_scorer(trained=trained).spec.model.name == "small-houses"
    assert load_scorer("2.0.0", trained).spec == specs["concrete"]
    set_live("promote", "2.0.0", trained, previous="1.0.0")
    assert load_scorer(trained=trained).spec == specs["concrete"]


def test_a_release_under_the_version_of_another_is_refused(trained, released):
    shutil.copytree(trained / "1.0.0", trained / "2.0.0")
    add_release("2.0.0", read_releases(trained).manifests["1.0.0"], trained)
    with pytest.raises(BundleRefused, match=r"release bundle 2\.0\.0 refused: its manifest is that of release 1\.0\.0"):
        load_scorer("2.0.0", trained)


def test_the_environment_says_which_release_is_loaded(trained, released, specs, adopt, monkeypatch):
    adopt(trained, "2.0.0", released["concrete"])
    monkeypatch.setenv("INHOUSE_LIVE", "2.0.0")
    assert load_scorer(trained=trained).spec == specs["concrete"]
    assert load_scorer("1.0.0", trained).spec == specs["house"]
    monkeypatch.setenv("INHOUSE_LIVE", "2.0")
    with pytest.raises(ReleaseError, match=r"environment variable INHOUSE_LIVE: '2\.0' is not a version"):
        load_scorer(trained=trained)


def test_a_scorer_tells_what_it_is(scorer, house):
    assert (scorer.version, scorer.spec, scorer.manifest.model) == ("1.0.0", house, "small-houses")


# That the tests above would see a mistake of the feature layer.


@pytest.mark.parametrize("way", ["derive", "_single"])
def test_swapped_columns_do_not_pass_the_golden_records(way, trained, monkeypatch):
    true_matrix = getattr(FeatureEncoder, way)
    heating, cellar = 3, 4

    def swapped(self, records):
        matrix = true_matrix(self, records)
        matrix[:, [heating, cellar]] = matrix[:, [cellar, heating]]
        return matrix

    monkeypatch.setattr(FeatureEncoder, way, swapped)
    with pytest.raises(BundleRefused, match="golden record 0 gets"):
        load_scorer(trained=trained)


def test_a_table_is_scored_as_its_records_are(data_folder, scorers, specs, known):
    table = read_table(data_folder / "concrete.csv").iloc[::7]
    scores = scorers["concrete"].score(records_of(table, specs["concrete"]))
    assert scores == scorers["concrete"].score(known["concrete"])
