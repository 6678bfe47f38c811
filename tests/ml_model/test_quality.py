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


# Classes.


@pytest.fixture
def classes(tree):
    """The small houses with the heating as what is predicted."""

    def classes(*names):
        tree["model"]["task"] = "multiclass"
        tree["field"] = [field for field in tree["field"] if field["name"] != "heating"]
        tree["target"] |= {"column": "Heating", "transform": "none", "classes": [[name, name] for name in names]}
        tree["estimator"], tree["data"]["identity"] = {"seed": 7, "linear": {}}, []

    return classes


@pytest.mark.parametrize(("rows", "training"), [(0, 0), (1, 1), (3, 2), (5, 4)])
def test_a_rare_class_is_counted_on_the_training_rows(rows, training, found, house_csv, classes):
    classes("gas", "oil", "coal")
    rare = cells(house_csv, "Heating", lambda number, row: "coal" if number < rows else row[4])
    severity, column, detail = found(rare)["class_rare"]
    assert (severity, column) == ("error", "Heating")
    assert f"class 'coal' has {training} training row(s) and needs at least 5" in detail


def test_a_class_that_is_just_large_enough_trains(found, house_csv, classes):
    classes("gas", "oil", "coal")
    assert (
        not {"class_rare", "class_untested"}
        & found(cells(house_csv, "Heating", lambda number, row: "coal" if number < 7 else row[4])).keys()
    )


def test_a_class_without_a_test_row_is_named(write_house, house_csv, tree, classes):
    classes("gas", "oil", "coal")
    path = write_house(tree, cells(house_csv, "Heating", lambda number, row: "coal" if number < 20 else row[4]))
    spec = load_spec(path)
    data = load_dataset(spec, path.parent)
    findings = check_data(spec, data.table, data.records, data.target, data.is_test & (data.target != 2))
    assert ["class 'coal' has no test row" in one.detail for one in findings if one.code == "class_untested"] == [True]


# Entities and groups.


@pytest.fixture
def narrow(tree):
    """Narrower trained ranges, because not every number of the file is left."""
    for field, trained in ((0, [900, 2600]), (1, [2, 8]), (7, [2000, 8000])):
        tree["field"][field]["trained"] = trained


def of_patients(content, target=None):
    """Four rows per patient, who has nearly the same numbers in each; the last column names the patient."""
    header, *lines = content.splitlines()
    rows = [line.split(",") for line in lines]
    for number, row in enumerate(rows):
        first = rows[number - number % 4]
        if target is None:
            row[1:4], row[8] = first[1:4], first[8]
        else:
            row[9] = first[9]
        row.append(f"p{number // 4}")
    return "\n".join([f"{header},Patient", *(",".join(row) for row in rows)]) + "\n"


@pytest.mark.parametrize(("target", "same"), [(None, "Area, Rooms, Lot"), ("Price", "the target 'Price'")])
def test_rows_of_one_entity_are_seen(target, same, found, house_csv, narrow):
    severity, column, detail = found(of_patients(house_csv, target))["grouped"]
    assert (severity, column) == ("warning", "Patient")
    assert f"nearly equal in {same}" in detail
    assert 'data.group = "Patient"' in detail


def test_rows_of_one_entity_are_no_finding_if_the_spec_names_them(found, house_csv, tree, narrow):
    tree["data"]["group"] = "Patient"
    assert found(of_patients(house_csv)) == {}


def test_a_group_must_be_known(found, house_csv, tree, narrow):
    tree["data"]["group"] = "Patient"
    severity, column, detail = found(of_patients(house_csv).replace(",p3\n", ",\n"))["group_unknown"]
    assert (severity, column) == ("error", "Patient")
    assert detail.startswith("4 row(s) name no group, first in line 14")


def test_groups_must_be_enough_for_the_folds(found, house_csv, tree):
    tree["data"]["group"] = "Grade"
    assert found(cells(house_csv, "Grade", lambda number, row: 1 + number % 3))["group_few"][0] == "error"


# Findings that are accepted.


def leaking(content):
    return cells(content, "Lot", lambda number, row: int(row[-1]))


def test_a_finding_is_accepted_by_name(write_house, house_csv, tree):
    tree["field"][-1]["trained"] = [60000, 100000]
    tree["accept"] = [{"finding": "leakage", "column": "Lot", "reason": "It is known in time."}]
    path = write_house(tree, leaking(house_csv))
    spec = load_spec(path)
    data = load_dataset(spec, path.parent)
    (finding,) = check_data(spec, data.table, data.records, data.target, data.is_test)
    assert (finding.code, finding.severity, finding.accepted, finding.stops) == (
        "leakage",
        "error",
        "It is known in time.",
        False,
    )


def test_what_is_accepted_for_nothing_is_told(found, tree):
    tree["accept"] = [{"finding": "leakage", "column": "Area", "reason": "It is known in time."}]
    assert found()["accept_unused"][:2] == ("warning", "Area")


def test_many_choices_are_noted(found, tree):
    tree["field"][3]["choices"] += [[f"c{number}", f"Choice {number}"] for number in range(300)]
    assert found()["many_choices"][:2] == ("warning", "Heating")
