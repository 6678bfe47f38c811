import numpy as np
import pytest

from ml_model.comparison import compare
from ml_model.csv_files import read_table
from ml_model.errors import DataError
from ml_model.scoring import Score


@pytest.fixture
def table(data_folder):
    return read_table(data_folder / "concrete.csv")


class Shifted:
    """A release that answers as another one does, but for one thing."""

    def __init__(self, scorer, change):
        self.spec, self.manifest, self.version = scorer.spec, scorer.manifest, "1.1.0"
        self._scorer, self._change = scorer, change

    def score(self, records):
        return [
            Score(record=one.record, value=self._change(one), low=one.low, high=one.high, level=one.level)
            for one in self._scorer.score(records)
        ]


@pytest.fixture
def concrete(scorers):
    return scorers["concrete"]


def test_a_release_does_not_move_beside_itself(concrete, table):
    found = compare(concrete, concrete, table, limit=0.05, test_only=True)
    assert found.rows == concrete.manifest.data.test_rows
    assert (found.left_out, found.moved_share, found.most, found.changes) == (0, 0.0, [], [])
    assert found.loss.verdict == "no difference"


@pytest.mark.parametrize("name", ["penguins", "credit"])
def test_classes_are_compared_by_their_probabilities(name, scorers, data_folder):
    scorer = scorers[name]
    found = compare(scorer, scorer, read_table(data_folder / f"{name}.csv"), limit=0.05, test_only=False)
    assert (found.rows, found.moved_share) == (scorer.manifest.data.rows, 0.0)


def test_the_field_that_moved_an_answer_is_named_with_its_part(concrete, table):
    typical = concrete.spec.fields["water"].example
    other = Shifted(concrete, lambda one: one.value + (one.record["water"] - typical))
    found = compare(concrete, other, table, limit=0.05, test_only=False)
    assert len(found.most) == 10
    spread = float(found.answers[0].std())
    sizes = [abs(moved.move) for moved in found.most]
    assert sizes == sorted(sizes, reverse=True)
    for moved in found.most:
        (reason,) = moved.reasons
        assert reason.field == concrete.spec.fields["water"].label
        assert reason.part == pytest.approx(moved.move, rel=1e-9)
        line = table.loc[moved.line]
        assert float(line[concrete.spec.fields["water"].column]) == moved.before.record["water"]
        assert moved.move == pytest.approx((moved.after.value - moved.before.value) / spread, rel=1e-6)


def test_a_planted_change_is_counted_and_its_loss_is_worse(concrete, table):
    other = Shifted(concrete, lambda one: one.value + 30.0)
    found = compare(concrete, other, table, limit=0.05, test_only=True)
    assert (found.moved_share, found.loss.verdict) == (1.0, "worse")
    assert [one.label for one in found.slices] == [one.label for one in concrete.spec.slice]
    assert all(one.moved_share == 1.0 and one.loss.verdict == "worse" for one in found.slices)


def test_logarithms_are_compared_by_ratios(scorers, house_csv, tmp_path):
    path = tmp_path / "houses.csv"
    path.write_text(house_csv)
    house = scorers["house"]
    found = compare(house, Shifted(house, lambda one: one.value * 1.1), read_table(path), limit=0.05, test_only=False)
    assert found.moves == pytest.approx(np.full(240, np.log(1.1)))


def test_without_the_truth_there_is_no_loss(concrete, table):
    unlabelled = table.drop(columns=concrete.spec.target.column)
    found = compare(concrete, concrete, unlabelled, limit=0.05, test_only=False)
    assert (found.rows, found.loss) == (1030, None)


def test_rows_that_one_of_them_refuses_are_counted(concrete, table):
    spoilt = table.copy()
    spoilt.iloc[3, list(spoilt.columns).index(concrete.spec.field[0].column)] = "much"
    found = compare(concrete, concrete, spoilt, limit=0.05, test_only=False)
    assert (found.rows, found.left_out) == (1029, 1)


def test_what_cannot_be_compared(scorers, concrete, table):
    with pytest.raises(DataError, match="different things"):
        compare(concrete, scorers["penguins"], table, limit=0.05, test_only=False)
    junk = table.copy()
    junk[concrete.spec.field[0].column] = "much"
    with pytest.raises(DataError, match="no row"):
        compare(concrete, concrete, junk, limit=0.05, test_only=False)
