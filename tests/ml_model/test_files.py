import csv
import io
import re
import resource
import signal

import pytest

from ml_model.csv_files import read_table
from ml_model.data import records_of
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


def test_a_source_that_is_also_the_result_is_kept(scorer, house_csv, tmp_path):
    source = tmp_path / "in.csv"
    source.write_text(house_csv)
    with pytest.raises(DataError, match="write the result to another file"):
        score_file(scorer, source, source)
    assert source.read_text() == house_csv


def test_a_result_that_ends_in_the_middle_leaves_the_earlier_one(scorer, house_csv, tmp_path):
    source, result = tmp_path / "in.csv", tmp_path / "out.csv"
    source.write_text(house_csv)
    result.write_text("yesterday")
    _, largest = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, largest))
    try:
        with pytest.raises(DataError, match="cannot be written: File too large"):
            score_file(scorer, source, result)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (largest, largest))
        signal.signal(signal.SIGXFSZ, handler)
    assert result.read_text() == "yesterday"
    assert {path.name for path in tmp_path.iterdir()} == {"in.csv", "out.csv"}


def test_columns_of_the_source_keep_their_names(scorer, house_csv, tmp_path):
    source, result, reported = tmp_path / "in.csv", tmp_path / "out.csv", []
    header, *rows = house_csv.splitlines()[:4]
    source.write_text("\n".join([f"{header},error,low,result_low", *(f"{row},1,2,3" for row in rows)]) + "\n,\n\n")
    assert score_file(scorer, source, result, report=reported.append) == (3, 0)
    written = list(csv.DictReader(result.read_text().splitlines()))
    assert [(row["error"], row["low"], row["result_low"]) for row in written] == [("1", "2", "3")] * 3
    scores = scorer.score(records_of(read_table(source), scorer.spec))
    assert [float(row["result_result_low"]) for row in written] == [one.low for one in scores]
    assert [row["result_error"] for row in written] == [""] * 3
    assert reported == [
        "the file has a column 'low'; that of the result is called 'result_low'".replace("result_low", "result_result_low"),
        "the file has a column 'error'; that of the result is called 'result_error'",
        "2 blank line(s) left out",
    ]


def test_a_result_can_be_scored_again(scorer, house_csv, tmp_path):
    first, second = tmp_path / "first.csv", tmp_path / "second.csv"
    (tmp_path / "in.csv").write_text(house_csv)
    score_file(scorer, tmp_path / "in.csv", first)
    assert score_file(scorer, first, second) == (240, 0)
    assert list(read_table(second).columns)[-10:] == [*ANSWERS, *(f"result_{name}" for name in ANSWERS)]


def test_a_column_is_called_as_that_of_a_class(scorers, data_folder, tmp_path):
    source, result = tmp_path / "in.csv", tmp_path / "out.csv"
    lines = (data_folder / "penguins.csv").read_text().splitlines()[:3]
    source.write_text("\n".join([f"{lines[0]},probability_Adelie,prediction", *(f"{line},0,x" for line in lines[1:])]))
    assert score_file(scorers["penguins"], source, result)[1] == 0
    header = list(read_table(result).columns)
    assert {"result_probability_Adelie", "result_prediction", "probability_Gentoo"} <= set(header)


HEADER, FIRST = "Area;Rooms;Garden;Heating;Cellar;Grade;Sold;Lot;Note", "1440,5;3;yes;gas;full;2;2010-06-15;5000;x"


@pytest.mark.parametrize("line_end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("codec", ["utf-8", "utf-8-sig", "utf-16"])
@pytest.mark.parametrize("first", ["", "sep=;"])
def test_a_result_is_written_as_its_source_is(line_end, codec, first, *, scorer, record, tmp_path):
    source, result = tmp_path / "in.csv", tmp_path / "out.csv"
    lines = [*filter(None, [first]), HEADER, FIRST, FIRST.replace(";x", ';"lone\rreturn, ""é"""')]
    source.write_bytes("".join(line + line_end for line in lines).encode(codec))
    assert score_file(scorer, source, result) == (2, 0)
    content = result.read_bytes().decode(codec)
    assert "\ufeff" not in content
    start = f"{first}{line_end}{HEADER};" if first else f"{HEADER};"
    assert content.startswith(start)
    assert content.endswith(f";;{line_end}")
    body = content.removeprefix(f"{first}{line_end}") if first else content
    header, *rows = csv.reader(io.StringIO(body, newline=""), delimiter=";")
    assert [len(row) for row in rows] == [len(header)] * 2
    assert rows[1][8] == 'lone\rreturn, "é"'
    # A file with decimal commas gets answers with decimal commas.
    one = scorer.score([record | {"area": 1440.5, "rooms": 3}])[0]
    assert [float(cell.replace(",", ".")) for cell in rows[0][9:12]] == pytest.approx([one.value, one.low, one.high])
    assert "." not in "".join(rows[0][9:12])


def test_semicolons_without_decimal_commas_get_points(score, house_csv):
    header, first, *_ = house_csv.replace(",", ";").splitlines()
    assert score(f"{header}\n{first}\n")[0] == (1, 0)


SPELLINGS = [
    ({"Garden": "TRUE"}, {"garden": True}),
    ({"Garden": "False"}, {"garden": False}),
    ({"Garden": "1.0"}, {"garden": True}),
    ({"Garden": "0,0"}, {"garden": False}),
    ({"Rooms": "3.0", "Grade": "2.0"}, {"rooms": 3, "grade": 2}),
    ({"Rooms": "3,0", "Grade": "2,00"}, {"rooms": 3, "grade": 2}),
    ({"Heating": "\u200bgas\u00a0"}, {"heating": "gas"}),
    ({"Area": "1\u202f440,5"}, {"area": 1440.5}),
    ({"Area": "\u00a01440.5\ufeff"}, {"area": 1440.5}),
    ({"Area": "\u200b"}, {"area": None}),
    ({"Sold": "2010-06-15\u00a0"}, {"sold": "2010-06-15"}),
]


@pytest.mark.parametrize(("cells", "values"), SPELLINGS)
def test_cells_as_tools_write_them(cells, values, scorer, record, tmp_path):
    source, result = tmp_path / "in.csv", tmp_path / "out.csv"
    names = HEADER.removesuffix(";Note").split(";")
    plain = dict(zip(names, ["1500.5", "4", "yes", "gas", "full", "2", "2010-06-15", "5000"], strict=True))
    source.write_text(";".join(names) + "\n" + ";".join((plain | cells).values()) + "\n")
    assert score_file(scorer, source, result) == (1, 0)
    (expected,) = scorer.score([record | values])
    assert float(read_table(result)["prediction"][2].replace(",", ".")) == expected.value
