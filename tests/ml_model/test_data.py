import hashlib
import io
import random

import numpy as np
import pandas as pd
import pytest

from ml_model.csv_files import read_table
from ml_model.data import file_digest, held_out, load_dataset, read_provenance, records_of
from ml_model.errors import DataError
from ml_model.spec import load_spec, parse_spec


@pytest.fixture
def table_of(tmp_path):
    """Reads bytes or text as a CSV file."""

    def read(content):
        path = tmp_path / "table.csv"
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return read_table(path)

    return read


@pytest.fixture
def load(write_house):
    """Loads the data of the small houses, each part of which can be replaced."""

    def load(*args, **told):
        path = write_house(*args, **told)
        return load_dataset(load_spec(path), path.parent)

    return load


def refusal(read, *args, **told):
    with pytest.raises(DataError) as refused:
        read(*args, **told)
    assert "\n" not in str(refused.value)
    return str(refused.value)


def with_cell(content, line, column, cell):
    """The data file with another cell; lines are counted from 1, the header."""
    lines = content.splitlines()
    cells = lines[line - 1].split(",")
    cells[lines[0].split(",").index(column)] = cell
    lines[line - 1] = ",".join(cells)
    return "\n".join(lines) + "\n"


# The file.


def test_a_file_that_is_not_there(tmp_path):
    for path in (tmp_path / "missing.csv", tmp_path):
        assert "cannot be read" in refusal(read_table, path)
        assert "cannot be read" in refusal(file_digest, path)


def test_digest_of_a_file(tmp_path):
    (tmp_path / "a").write_bytes(b"abc")
    assert file_digest(tmp_path / "a") == hashlib.sha256(b"abc").hexdigest()


# Records of a table.


def test_columns_may_bear_raw_names_or_names_of_fields(house, house_csv, table_of):
    raw = table_of(house_csv)
    named = raw.rename(columns={field.column: field.name for field in house.field})
    assert records_of(raw, house) == records_of(named, house)
    assert records_of(raw, house)[0] | {"garden": None} == {
        "area": 500,
        "rooms": 1,
        "garden": None,
        "heating": records_of(raw, house)[0]["heating"],
        "cellar": records_of(raw, house)[0]["cellar"],
        "grade": records_of(raw, house)[0]["grade"],
        "sold": raw["Sold"].iloc[0],
        "lot": 1000,
    }


def test_a_released_spec_whose_column_has_the_name_of_another_field(house_csv, tree, to_toml, table_of):
    tree["field"][0] |= {"column": "rooms"}
    spec = parse_spec(to_toml(tree), released=True)
    raw = table_of(house_csv.replace("Area", "rooms", 1))
    named = raw.rename(columns={field.column: field.name for field in spec.field})
    assert records_of(raw, spec) == records_of(named, spec)


def test_missing_columns_are_named(house, house_csv, table_of):
    table = table_of(house_csv)
    assert refusal(records_of, table.drop(columns="Rooms"), house) == "1 column(s) are missing: Rooms."
    misspelt = table.rename(columns={"Heating": "Heatin"})
    assert refusal(records_of, misspelt, house) == "1 column(s) are missing: Heating. Did you mean 'Heatin'?"
    assert "8 column(s) are missing: Area, Rooms, Garden, Heating, Cellar …." in refusal(records_of, table[["Id"]], house)


# The data set.


def test_a_data_set(load, house_csv):
    dataset = load()
    table = pd.read_csv(io.StringIO(house_csv))
    np.testing.assert_array_equal(dataset.target, table["Price"])
    assert len(dataset.records) == len(dataset.is_test) == dataset.provenance.rows == len(table)
    assert [record["lot"] for record in dataset.records] == list(table["Lot"])
    unknown = table["Area"].isna()
    assert [record["area"] is None for record in dataset.records] == list(unknown)
    assert {record["cellar"] for record in dataset.records} == {None, "none", "part", "full"}


def test_a_data_file_that_was_changed(load):
    assert "its digest is not the one in provenance.toml" in refusal(load, sha256="0" * 64)


@pytest.mark.parametrize("told", [{"rows": 239}, {"columns": 11}])
def test_a_data_file_of_another_size(load, told):
    assert "the file has (240, 10)" in refusal(load, **told)


@pytest.mark.parametrize(
    ("told", "problem"),
    [
        ({"rows": "240"}, "rows: must be a whole number, without quotes; got '240': write rows = 1"),
        ({"origins": "x"}, "origins: unknown key. Did you mean 'origin'?"),
        ({"licence": 5}, 'licence: must be text in quotes; got 5: write licence = "…"'),
    ],
)
def test_provenance_that_is_wrong(load, told, problem):
    assert problem in refusal(load, **told)


def test_provenance_that_is_missing(write_house):
    folder = write_house().parent
    beside = folder / "provenance.toml"
    for content in (b'["other.csv"]\n', b"not toml", b"\xff\xfe"):
        beside.write_bytes(content)
        assert "in its folder needs a table" in refusal(read_provenance, folder / "houses.csv")
    beside.unlink()
    assert 'needs a table ["houses.csv"] with origin' in refusal(read_provenance, folder / "houses.csv")


def test_a_data_file_that_is_missing(write_house):
    path = write_house()
    (path.parent / "houses.csv").unlink()
    assert "cannot be read" in refusal(load_dataset, load_spec(path), path.parent)


@pytest.mark.parametrize(
    ("line", "column", "cell", "problem"),
    [
        (3, "Rooms", "21", "1 row(s) break model.toml; line 3, column 'Rooms': Rooms must be from 0 to 20"),
        (241, "Rooms", "", "line 241, column 'Rooms': Rooms is needed."),
        (9, "Heating", "coal", "line 9, column 'Heating': Heating must be one of gas, oil, wood"),
        (9, "Area", "1_000", "line 9, column 'Area': Area must be a number"),
        (9, "Sold", "2021-02-30", "line 9, column 'Sold':"),
        (9, "Price", "", "line 9: target 'Price' is '', not a finite number"),
        (9, "Price", "dear", "line 9: target 'Price' is 'dear', not a finite number"),
        (9, "Price", "nan", "line 9: target 'Price' is 'nan', not a finite number"),
        (9, "Price", "1e999", "line 9: target 'Price' is '1e999', not a finite number"),
        (9, "Price", "1_000", "line 9: target 'Price' is '1_000', not a finite number"),
        (9, "Price", "0", "line 9: target 'Price' is not positive"),
        (9, "Price", "-5", "line 9: target 'Price' is not positive"),
    ],
)
def test_a_row_that_breaks_the_contract_is_named_by_its_line(line, column, cell, problem, *, load, tree, house_csv):
    assert problem in refusal(load, tree, with_cell(house_csv, line, column, cell))


def test_lines_are_counted_as_an_editor_counts_them(load, tree, house_csv):
    broken = with_cell(house_csv, 9, "Rooms", "21").replace("\nh2,", "\n\n\nh2,").replace("\nh3,", '\n"h\n3",')
    assert "line 12, column 'Rooms'" in refusal(load, tree, broken, rows=240)


def test_a_negative_target_without_logarithm(load, tree, house_csv):
    tree["target"]["transform"] = "none"
    assert load(tree, with_cell(house_csv, 9, "Price", "-5")).target[7] == -5


def test_a_target_that_is_not_there(load, tree):
    tree["target"]["column"] = "Pric"
    assert "there is no target column 'Pric'. Did you mean 'Price'?" in refusal(load, tree)


def test_a_class_that_is_not_known(load, tree, house_csv):
    tree["model"]["task"] = "binary"
    tree["field"].pop(2)
    tree["target"] |= {"column": "Garden", "transform": "none", "classes": [["no", "No"], ["yes", "Yes"]]}
    dataset = load(tree)
    assert set(dataset.target) == {0.0, 1.0}
    assert "line 5: target 'Garden' is 'perhaps', not one of no, yes" in refusal(
        load, tree, with_cell(house_csv, 5, "Garden", "perhaps")
    )


@pytest.mark.parametrize(
    ("trained", "claims_too_much"), [([500, 3000], False), ([600, 2900], False), ([499, 3000], True), ([500, 3000.1], True)]
)
def test_a_trained_range_claims_no_more_than_the_data_shows(trained, claims_too_much, load, tree):
    tree["field"][0]["trained"] = trained
    if claims_too_much:
        assert "field[area].trained claims more than the data shows, which is 500 to 3000" in refusal(load, tree)
    else:
        assert load(tree)


def test_a_trained_range_over_nothing(load, tree, house_csv):
    lines = [line.split(",") for line in house_csv.splitlines()]
    emptied = "\n".join(",".join([cells[0], "" if number else "Area", *cells[2:]]) for number, cells in enumerate(lines)) + "\n"
    assert "which is nothing" in refusal(load, tree, emptied)


def test_names_and_choices_in_another_normal_form(load, tree, house_csv):
    tree["field"][0]["column"] = "Gro\u0308\u00dfe"
    tree["field"][3] |= {"choices": [["g\u00e4s", "Gas"], ["oil", "Oil"], ["wood", "Wood"]], "example": "g\u00e4s"}
    content = house_csv.replace("Area", "Gr\u00f6\u00dfe\u00a0").replace(",gas,", ",ga\u0308s,").replace(",oil,", ",\u200boil ,")
    heating = {record["heating"] for record in load(tree, content).records}
    assert heating == {"g\u00e4s", "oil"}


def test_classes_as_tools_write_them(load, tree, house_csv):
    tree["model"]["task"] = "binary"
    tree["field"].pop(2)
    tree["target"] |= {"column": "Garden", "transform": "none", "classes": [["0", "No"], ["1", "Yes"]]}
    before = load(tree, house_csv.replace(",no,", ",0,").replace(",yes,", ",1,"))
    after = load(tree, house_csv.replace(",no,", ",0.0,").replace(",yes,", ",\u00a01.0,"))
    np.testing.assert_array_equal(before.target, after.target)
    assert set(after.target) == {0, 1}


def test_a_data_file_with_decimal_commas(load, house_csv):
    expected = load()
    swapped = load(content=house_csv.replace(",", ";").replace(".", ",").replace("h0", "\u200bh0"), columns=10)
    assert swapped.records == expected.records
    np.testing.assert_array_equal(swapped.target, expected.target)


@pytest.mark.parametrize("codec", ["utf-8-sig", "utf-16"])
@pytest.mark.parametrize("line_end", ["\n", "\r\n", "\r"])
def test_provenance_as_editors_write_it(codec, line_end, write_house):
    folder = write_house().parent
    path = folder / "provenance.toml"
    path.write_bytes(path.read_text("utf-8").replace("\n", line_end).encode(codec))
    assert read_provenance(folder / "houses.csv").rows == 240


# The split.


def held_ids(spec, table):
    """The identities of the test rows."""
    return {identity for identity, held in zip(table["Id"], held_out(spec, table), strict=True) if held}


@pytest.fixture(scope="module")
def houses():
    return pd.DataFrame({"Id": [f"h{number}" for number in range(5000)], "Area": [str(number) for number in range(5000)]})


def test_share_of_the_split(house, houses):
    # The binomial standard deviation of 5,000 draws of 0.25 is 0.6 points.
    assert held_out(house, houses).mean() == pytest.approx(0.25, abs=0.02)


def test_the_split_follows_the_row_and_not_its_place(house, houses):
    before = held_ids(house, houses)
    assert held_ids(house, houses.sample(frac=1, random_state=3)) == before
    assert held_ids(house, houses.iloc[::-1]) == before
    kept = random.Random(3).sample(range(5000), 2500)
    fewer = houses.iloc[kept]
    assert held_ids(house, fewer) == before & set(fewer["Id"])
    assert held_out(house, houses.iloc[[7]])[0] == held_out(house, houses)[7]


def test_no_row_changes_sides_when_data_is_added(house, houses):
    before = held_ids(house, houses)
    added = pd.DataFrame({"Id": [f"new{number}" for number in range(1000)], "Area": "5"})
    more = pd.concat([added, houses], ignore_index=True)
    assert held_ids(house, more) & set(houses["Id"]) == before
    assert held_ids(house, houses.assign(Area="0")) == before


def test_a_larger_share_keeps_every_test_row(houses, tree, parse):
    shares = []
    for share in (0.1, 0.25, 0.5):
        tree["data"]["test_share"] = share
        shares.append(held_ids(parse(tree), houses))
    assert shares[0] < shares[1] < shares[2]


def test_another_salt_gives_another_split(house, houses, tree, parse):
    tree["data"]["split_salt"] = "again"
    salted = held_ids(parse(tree), houses)
    plain = held_ids(house, houses)
    # Independent splits share the square of the share.
    assert len(salted & plain) / 5000 == pytest.approx(0.25**2, abs=0.015)


def test_without_identity_all_columns_but_the_target_count(tree, parse, house_csv, table_of):
    tree["data"]["identity"] = []
    spec, table = parse(tree), table_of(house_csv)
    assert held_ids(spec, table) != held_ids(spec, table.assign(Area="1000"))
    assert held_ids(spec, table) == held_ids(spec, table.iloc[::-1])
    assert held_ids(spec, table) == held_ids(spec, table.assign(Price="5"))


def test_rows_that_are_equal_in_every_field_stay_together(tree, parse, house_csv, table_of):
    """They differ in a column that is no field, in the target, and in how a number is written."""
    tree["data"]["identity"] = []
    table = table_of(house_csv)
    again = [table.assign(Id=f"{number} " + table["Id"], Price=str(1000 + number)) for number in range(3)]
    again[1]["Lot"] = again[1]["Lot"] + ".0"
    is_test = held_out(parse(tree), pd.concat(again, ignore_index=True))
    np.testing.assert_array_equal(is_test, np.tile(is_test[: len(table)], 3))
    assert 0.15 < is_test.mean() < 0.35


def test_rows_of_one_group_stay_together_whatever_identifies_them(tree, parse, house_csv, table_of):
    tree["data"]["group"] = "Owner"
    table = table_of(house_csv)
    owners = np.arange(len(table)) // 6
    is_test = held_out(parse(tree), table.assign(Owner=[f"{' ' * (row % 2)}o{owner}" for row, owner in enumerate(owners)]))
    assert all(len(set(is_test[owners == owner])) == 1 for owner in owners)
    assert 0 < is_test.mean() < 1


def test_a_few_combinations_of_choices_are_split_row_by_row(tree, parse, house_csv, table_of):
    tree["data"]["identity"] = []
    table = table_of(house_csv)
    few = table.assign(Area="600", Rooms="3", Lot="2000", Sold="2010-01-01", Grade="1", Id=table["Heating"])
    is_test = held_out(parse(tree), few)
    for heating in ("gas", "oil"):
        assert 0.1 < is_test[few["Heating"] == heating].mean() < 0.4


def test_classes_are_stratified(specs, data_folder):
    for name in ("penguins", "credit"):
        dataset = load_dataset(specs[name], data_folder)
        for position in range(len(specs[name].classes)):
            assert dataset.is_test[dataset.target == position].mean() == pytest.approx(0.2, abs=0.01)


def test_an_identity_that_is_not_there(houses, tree, parse):
    tree["data"]["identity"] = ["Ids"]
    assert refusal(held_out, parse(tree), houses) == "data.identity: there is no column 'Ids'. Did you mean 'Id'?"
    tree["data"] = tree["data"] | {"identity": "Id", "group": "Areas"}
    assert refusal(held_out, parse(tree), houses) == "data.group: there is no column 'Areas'. Did you mean 'Area'?"


def test_the_split_is_the_same_on_every_machine(house):
    # The first digests by hand, so that a change of the hashing does not go unseen.
    ids = [f"h{number}" for number in range(12)]
    by_hand = [int(hashlib.sha256(f"\x1f{one}".encode()).hexdigest()[:16], 16) < 2**62 for one in ids]
    assert list(held_out(house, pd.DataFrame({"Id": ids}))) == by_hand
