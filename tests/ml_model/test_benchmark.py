import numpy as np
import pytest

from ml_model.benchmark import metrics_of, read_benchmark, slice_metrics, slice_rows
from ml_model.csv_files import read_table
from ml_model.data import load_dataset
from ml_model.errors import DataError


@pytest.fixture
def table(data_folder):
    return read_table(data_folder / "concrete.csv")


def test_it_holds_the_test_rows_and_no_other(specs, data_folder, table):
    dataset, bench = load_dataset(specs["concrete"], data_folder), read_benchmark(specs["concrete"], table)
    assert list(bench.records) == np.flatnonzero(dataset.is_test).tolist()
    records, target = bench.take(list(bench.records))
    assert records == [record for record, is_test in zip(dataset.records, dataset.is_test, strict=True) if is_test]
    assert target.tolist() == dataset.target[dataset.is_test].tolist()


def test_rows_that_the_contract_refuses_are_left_out(specs, table):
    spec = specs["concrete"].model_copy(
        update={"data": specs["concrete"].data.model_copy(update={"identity": ("cement", "age")})}
    )
    rows = list(read_benchmark(spec, table).records)
    table.iloc[rows[3], table.columns.get_loc("water")] = "wet"
    assert list(read_benchmark(spec, table).records) == rows[:3] + rows[4:]


def test_missing_columns_are_named(specs, table):
    with pytest.raises(DataError, match="water"):
        read_benchmark(specs["concrete"], table.drop(columns="water"))


@pytest.mark.parametrize("name", ["concrete", "credit", "penguins"])
def test_metrics_are_those_of_the_manifest(name, specs, scorers, data_folder):
    spec = specs[name]
    bench = read_benchmark(spec, read_table(data_folder / spec.data.file))
    records, target = bench.take(list(bench.records))
    scores = scorers[name].score(records)
    found, told = metrics_of(spec, scores, target), scorers[name].manifest
    assert {key: one.value for key, one in found.items()} == pytest.approx({key: one.value for key, one in told.metrics.items()})
    assert slice_metrics(spec, scores, target).keys() == told.slices.keys() == {one.name for one in spec.slice}


def test_slices_by_hand(tree, parse, record):
    tree["slice"] = [
        {"name": "large", "label": "Large", "where": "area > 1500"},
        {"name": "any", "label": "Any", "where": "rooms > 0"},
    ]
    found = slice_rows(parse(tree), [{**record, "area": area} for area in (1000.0, 2000.0, None)])
    assert {name: member.tolist() for name, member in found.items()} == {"large": [False, True, False], "any": [True] * 3}
