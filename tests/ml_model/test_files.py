import csv
import re

import pytest

from ml_model.data import read_table, records_of
from ml_model.errors import DataError
from ml_model.files import score_file

ANSWERS = ["prediction", "low", "high", "warnings", "error"]


@pytest.fixture
def scorer(scorers):
    return scorers["house"]


@pytest.fixture
def score(tmp_path, scorer):
    """Scores the text of a file; returns the counts and the rows of the result."""

    def run(content, by=scorer):
        source, result = tmp_path / "in.csv", tmp_path / "out.csv"
        source.write_text(content, "utf-8", newline="")
        counts = score_file(by, source, result)
        with result.open(encoding="utf-8", newline="") as file:
            return counts, list(csv.DictReader(file))

    return run


def test_every_row_comes_out_in_its_place(score, scorer, house_csv, house, tmp_path):
    counts, rows = score(house_csv)
    assert counts == (240, 0)
    assert [row["Id"] for row in rows] == [f"h{number}" for number in range(240)]
    assert list(rows[0]) == [*house_csv.splitlines()[0].split(","), *ANSWERS]
    scores = scorer.score(records_of(read_table(tmp_path / "in.csv"), house))
    for row, one in zip(rows, scores, strict=True):
        assert (float(row["prediction"]), float(row["low"]), float(row["high"])) == (one.value, one.low, one.high)
        assert row["error"] == row["warnings"] == ""


def test_every_column_is_carried_through(score, house_csv):
    source = list(csv.DictReader(house_csv.splitlines()))
    _, rows = score(house_csv)
    assert [{name: row[name] for name in source[0]} for row in rows] == source


def test_names_of_fields_do_as_well(score, house, house_csv):
    header, rest = house_csv.split("\n", 1)
    named = [next((field.name for field in house.field if field.column == column), column) for column in header.split(",")]
    _, by_column = score(house_csv)
    _, by_name = score(f"{','.join(named)}\n{rest}")
    assert list(by_name[0]) == [*named, *ANSWERS]
    assert [[row[name] for name in ANSWERS] for row in by_name] == [[row[name] for name in ANSWERS] for row in by_column]


def test_further_columns_are_kept_as_they_are(score, house_csv):
    lines = house_csv.splitlines()[:4]
    notes = ["Note", '"a, ""b""\nc"', "=1+1", " 007 "]
    counts, rows = score("\n".join(f"{line},{note}" for line, note in zip(lines, notes, strict=True)))
    assert counts == (3, 0)
    assert [row["Note"] for row in rows] == ['a, "b"\nc', "=1+1", " 007 "]


def test_refused_rows_have_an_error_and_no_answer(score, house_csv):
    lines = house_csv.splitlines()
    expected = score(house_csv)[1]
    for position, column, cell in ((1, "Rooms", "99"), (3, "Heating", "coal"), (3, "Lot", ""), (240, "Area", "1_000")):
        cells = lines[position].split(",")
        cells[lines[0].split(",").index(column)] = cell
        lines[position] = ",".join(cells)
    counts, rows = score("\n".join(lines))
    assert counts == (240, 3)
    assert [number for number, row in enumerate(rows, 1) if row["error"]] == [1, 3, 240]
    assert rows[0]["error"] == "Rooms must be from 0 to 20; got 99."
    assert rows[2]["error"] == "Heating must be one of gas, oil, wood; got 'coal'.; Lot is needed."
    for row in (rows[0], rows[2], rows[239]):
        assert row["prediction"] == row["low"] == row["high"] == row["warnings"] == ""
    good = [number for number in range(240) if number not in {0, 2, 239}]
    # A product of matrices sums in another order when it has other rows.
    for number in good:
        assert float(rows[number]["prediction"]) == pytest.approx(float(expected[number]["prediction"]), rel=1e-13)


def test_a_file_of_refused_rows_alone(score, house_csv):
    header, first, *_ = house_csv.splitlines()
    counts, rows = score(f"{header}\n{first.replace(',1,', ',99,', 1)}\n")
    assert counts == (1, 1)
    assert rows[0]["prediction"] == ""
    assert "Rooms" in rows[0]["error"]


def test_warnings_stand_beside_the_answer(score, house_csv):
    header, first, *_ = house_csv.splitlines()
    larger = re.sub(r"\b500\b", "4000", first)
    _, rows = score(f"{header}\n{larger}\n")
    assert rows[0]["warnings"] == "Area: the model has learnt from 500 sq ft to 3,000 sq ft; 4,000 sq ft lies outside."
    assert float(rows[0]["prediction"]) > 0


def test_classes_have_a_column_each(score, scorers, data_folder):
    content = (data_folder / "penguins.csv").read_text()
    counts, rows = score(content, by=scorers["penguins"])
    assert counts == (344, 0)
    assert list(rows[0])[-6:] == [
        "prediction",
        *(f"probability_{name}" for name in ("Adelie", "Chinstrap", "Gentoo")),
        "warnings",
        "error",
    ]
    for row in rows:
        shares = {name: float(row[f"probability_{name}"]) for name in ("Adelie", "Chinstrap", "Gentoo")}
        assert sum(shares.values()) == pytest.approx(1, rel=1e-12)
        assert row["prediction"] == max(shares, key=shares.get)


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (lambda content: "", "is empty"),
        (lambda content: content.split("\n")[0], "holds no rows"),
        (lambda content: content.replace("Rooms", "Room", 1), "1 column(s) are missing: Rooms. Did you mean 'Room'?"),
        (lambda content: content.replace("Id", "error", 1), "has a column 'error', which the result needs"),
        (lambda content: content + "short\n", "line 242 has 1 cells"),
        (lambda content: content + '"', "is not a well-formed CSV file"),
    ],
)
def test_nothing_is_written_where_the_file_is_refused(change, problem, score, house_csv, tmp_path):
    with pytest.raises(DataError) as refused:
        score(change(house_csv))
    assert problem in str(refused.value)
    assert not (tmp_path / "out.csv").exists()


def test_a_result_that_cannot_be_written(scorer, house_csv, tmp_path):
    source = tmp_path / "in.csv"
    source.write_text(house_csv)
    for result in (tmp_path, tmp_path / "missing" / "out.csv"):
        with pytest.raises(DataError, match=r"cannot be written: .*[a-z]") as refused:
            score_file(scorer, source, result)
        assert "None" not in str(refused.value)
