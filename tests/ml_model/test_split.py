import numpy as np
import pytest

from ml_model.split import are_copies, hold_out, make_folds, number_units

ROWS = 1000


@pytest.fixture(scope="module")
def texts():
    return [f"row {number}" for number in range(ROWS)]


@pytest.fixture(scope="module")
def classes():
    """Three classes of 70, 25 and 5 %, in the order of a sorted file."""
    return np.repeat([0, 1, 2], [700, 250, 50])


def alone(texts):
    return np.arange(len(texts))


def test_each_class_has_its_share_of_test_rows(texts, classes):
    is_test = hold_out(alone(texts), texts, share=0.2, salt="", classes=classes)
    assert [int(is_test[classes == label].sum()) for label in range(3)] == [140, 50, 10]


@pytest.mark.parametrize("rows", [3, 4, 7])
def test_a_rare_class_has_a_test_row(rows, texts, classes):
    rare = np.where(np.arange(ROWS) < rows, 3, classes)
    is_test = hold_out(alone(texts), texts, share=0.2, salt="", classes=rare)
    assert is_test[rare == 3].sum() == 1


def test_a_stratified_row_keeps_its_side_when_the_file_is_sorted(texts, classes):
    is_test = hold_out(alone(texts), texts, share=0.2, salt="", classes=classes)
    order = np.random.default_rng(1).permutation(ROWS)
    shuffled = hold_out(alone(texts), [texts[row] for row in order], share=0.2, salt="", classes=classes[order])
    np.testing.assert_array_equal(shuffled, is_test[order])


def test_hardly_a_stratified_row_changes_sides_when_rows_are_added(texts, classes):
    is_test = hold_out(alone(texts), texts, share=0.2, salt="", classes=classes)
    more = [*texts, *(f"new row {number}" for number in range(100))]
    added = hold_out(alone(more), more, share=0.2, salt="", classes=np.append(classes, np.arange(100) % 3))
    assert (added[:ROWS] != is_test).mean() < 0.02


def test_all_rows_of_a_unit_are_on_one_side(texts, classes):
    units = np.arange(ROWS) // 4
    for labels in (None, classes):
        is_test = hold_out(units, texts, share=0.2, salt="", classes=labels)
        assert all(len(set(is_test[units == unit])) == 1 for unit in range(ROWS // 4))
        assert is_test.mean() == pytest.approx(0.2, abs=0.05)


def test_classes_are_stratified_although_rows_are_repeated(texts):
    """Each row stands five times in the file; a third of them is of the second class."""
    units = np.repeat(np.arange(200), 5)
    classes = np.repeat((np.arange(200) % 3 == 0).astype(int), 5)
    is_test = hold_out(units, [texts[unit] for unit in units], share=0.2, salt="", classes=classes)
    assert classes[is_test].mean() == pytest.approx(classes[~is_test].mean(), abs=0.02)


def test_equal_texts_of_different_units_are_split():
    is_test = hold_out(np.arange(300), ["the same"] * 300, share=0.2, salt="")
    assert 0.1 < is_test.mean() < 0.3


@pytest.mark.parametrize(
    ("combinations", "rows", "copies"), [(100, 120, True), (100, 1000, True), (8, 120, False), (60, 5000, False)]
)
def test_equal_rows_are_copies_if_the_fields_have_many_combinations(combinations, rows, copies):
    assert are_copies(np.arange(rows) % combinations) == copies


def test_units_are_numbered_in_the_order_of_the_file():
    assert number_units([("b", 1), ("a", 1), ("b", 1.0)]).tolist() == [0, 1, 0]


@pytest.mark.parametrize("stratified", [True, False])
@pytest.mark.parametrize("size", [1, 4])
def test_folds_are_shuffled_and_keep_units_and_classes(stratified, size, classes):
    units = np.random.default_rng(2).permutation(ROWS) // size
    folds = make_folds(classes.astype(float), units, folds=5, seed=1, stratified=stratified)
    others = np.concatenate([other for _, other in folds])
    np.testing.assert_array_equal(np.sort(others), np.arange(ROWS))
    for training, other in folds:
        assert not set(units[training]) & set(units[other])
        # The file is sorted: a fold that were not shuffled would hold one class alone.
        assert set(classes[other]) == {0, 1, 2}
        if stratified:
            assert np.bincount(classes[other]) == pytest.approx([140, 50, 10], abs=2 * size)
