import numpy as np
import pytest

from ml_model.data import load_dataset
from ml_model.quality import check_data
from ml_model.spec import load_spec


@pytest.fixture
def found(write_house, tree):
    """Findings by code on a changed file."""

    def found(lines=None):
        path = write_house(tree, *([lines] if lines else []))
        spec = load_spec(path)
        data = load_dataset(spec, path.parent)
        findings = check_data(spec, data.table, data.records, data.target, data.is_test)
        return {one.code: (one.severity, one.column, one.detail) for one in findings}

    return found


def cells(content, column, change):
    header, *lines = content.splitlines()
    position = header.split(",").index(column)
    rows = [line.split(",") for line in lines]
    for number, row in enumerate(rows):
        row[position] = str(change(number, row))
    return "\n".join([header, *(",".join(row) for row in rows)]) + "\n"


def test_a_good_file_has_no_findings(found):
    assert found() == {}


@pytest.mark.parametrize(
    ("column", "change", "code", "severity"),
    [
        ("Id", lambda number, row: "h1" if number == 2 else row[0], "identity_repeated", "error"),
        ("Garden", lambda number, row: "yes", "constant", "warning"),
        ("Grade", lambda number, row: row[6] if number % 3 == 0 else "", "missing", "warning"),
        ("Price", lambda number, row: 70000, "target_constant", "error"),
        ("Price", lambda number, row: 10**12 if number == 9 else row[-1], "target_outliers", "note"),
        ("Lot", lambda number, row: 1000 + 34 * number, "identifier", "error"),
        ("Lot", lambda number, row: int(row[-1]), "leakage", "error"),
    ],
)
def test_each_fault_is_found(column, change, code, severity, *, found, house_csv, tree):
    if column == "Lot":
        next(one for one in tree["field"] if one["name"] == "lot").update(
            trained=[1000, 8000] if code == "identifier" else [60000, 100000]
        )
    assert found(cells(house_csv, column, change))[code][:2] == (severity, column)


def test_a_range_that_only_a_test_row_shows_is_found(found, house_csv, tree, house, write_house):
    held_out = load_dataset(house, write_house().parent).is_test
    next(one for one in tree["field"] if one["name"] == "lot")["trained"] = [1000, 9500]
    row = int(np.flatnonzero(held_out)[0])
    findings = found(cells(house_csv, "Lot", lambda number, cells: 9500 if number == row else cells[8]))
    assert findings["trained"][:2] == ("warning", "Lot")
    assert findings["trained"][2].endswith("write trained = [1000.0, 9000.0]")


def test_the_line_of_a_repeated_identity_is_told(found, house_csv):
    detail = found(cells(house_csv, "Id", lambda number, row: "h1" if number == 2 else row[0]))["identity_repeated"][2]
    assert "first in line 4;" in detail


def test_copies_of_rows_without_an_identity(found, house_csv, tree):
    tree["data"]["identity"] = []
    assert found(house_csv + house_csv.splitlines()[5] + "\n")["duplicates"][:2] == ("warning", "")


def test_equal_rows_of_another_target_are_noted(found, house_csv):
    line = house_csv.splitlines()[5].split(",")
    again = ",".join(["again", *line[1:-1], str(int(line[-1]) + 1)])
    assert found(house_csv + again + "\n")["ambiguous"][0] == "note"


def test_too_few_test_rows(write_house, tree, house):
    path = write_house(tree)
    data = load_dataset(house, path.parent)
    only = np.arange(len(data.target)) < 3
    (finding,) = check_data(house, data.table, data.records, data.target, only)
    assert (finding.severity, finding.code) == ("error", "test_rows")
