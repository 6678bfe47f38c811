"""CSV files as tools write them, and what comes out when they are written again."""

import csv
import io

import pytest

from ml_model.csv_files import Dialect, has_decimal_commas, number_cells, read_csv, read_table
from ml_model.errors import DataError


@pytest.fixture
def written(tmp_path):
    """Writes bytes or text to a file and returns its path."""

    def write(content):
        path = tmp_path / "table.csv"
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return write


@pytest.fixture
def table_of(written):
    """Reads bytes or text as a CSV file."""
    return lambda content: read_table(written(content))


def refusal(read, content):
    with pytest.raises(DataError) as refused:
        read(content)
    assert "\n" not in str(refused.value)
    return str(refused.value)


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"", "is empty"),
        (b" \r\n\n ", "is empty"),
        (b"\xef\xbb\xbf", "is empty"),
        (b"a,b\n", "holds no rows"),
        (b"a,b", "holds no rows"),
        (b"a,b\r\n\r\n", "holds no rows"),
        (b"PK\x03\x04rest of a workbook", "is an XLSX or ZIP file"),
        (b"%PDF-1.7", "is a PDF"),
        (b"\x1f\x8b\x08", "is a gzip file"),
        ("a,b\n1,2\n".encode("utf-16-le"), "is UTF-16 without a byte-order mark; save it in UTF-8"),
        ("a,b\n1,2\n".encode("utf-16-be"), "is UTF-16 without a byte-order mark; save it in UTF-8"),
        (b"\xff\xfea\x00,", "line 1: byte 4 is not UTF-16-LE; save the file in UTF-8"),
        ("a,b\n1,é\n".encode("latin-1"), "line 2: byte 6 is not UTF-8; save the file in UTF-8"),
        ("\ufeffa,b\n1,2\n2,".encode() + "é".encode("cp1252"), "line 3: byte 13 is not UTF-8"),
        (b",,\n\n", "holds no rows"),
        (b"a,b\n,\n\x1a", "holds no rows"),
        (b"sep=;\n", "holds no rows"),
        (b",a,,b\n1,2,3,4\n", "columns 1, 3 have no name in the header; name them, or remove them"),
        (b"a,b,,\n1,2,,\n1,2,,4\n", "line 3 has 4 cells, the header has 2; name every column in the header"),
        (b"sep=;\na;b\n1;2\n3\n", "line 4 has 1 cells, the header has 2"),
        (b"\xd0\xcf\x11\xe0 a workbook", "is an XLS file"),
        (b"a,b,a\n1,2,3\n", "column 'a' stands twice in the header"),
        (b"a, a \n1,2\n", "column 'a' stands twice in the header"),
        (b"\n\na,b,a\n1,2,3\n", "column 'a' stands twice in the header"),
        (b"a,b\n1,2\n3\n", "line 3 has 1 cells, the header has 2"),
        (b"a,b\n1\n", "line 2 has 1 cells, the header has 2"),
        (b"a,b\n1,2,3\n4,5,6\n", "line 2 has 3 cells, the header has 2"),
        (b"a,b\n1,2\n1,2,3\n", "line 3 has 3 cells, the header has 2"),
        (b"a,b\n1,2\n\n\n1,2,3\n", "line 5 has 3 cells, the header has 2"),
        (b'a,b\n"1\n1",2\n1,2,3\n', "line 4 has 3 cells, the header has 2"),
        (b'a,b\n1,"2\n3,4\n', "is not a well-formed CSV file: line 2: a cell begins with a quote that is never closed"),
        (b'a,b\n1,2\n1,"2"x\n', "is not a well-formed CSV file: line 3: there is text behind the closing quote"),
        (b'a,b\r1,2\r\r1,"2" \r', "is not a well-formed CSV file: line 4: there is text behind the closing quote"),
        (b'a,b\n"1\n2",3\n1,"2"x\n', "is not a well-formed CSV file: line 4: "),
        (b'sep=;\na;b\n1;"2"x\n', "is not a well-formed CSV file: line 3: "),
        (b'"a,b\n1,2\n', "is not a well-formed CSV file: line 1: a cell begins with a quote that is never closed"),
        pytest.param(
            b"a,b\n1," + b"x" * 200_000 + b"\n", "is not a well-formed CSV file: line 2: a cell is longer than", id="endless cell"
        ),
    ],
)
def test_a_file_that_is_no_table(content, problem, table_of):
    assert problem in refusal(table_of, content)


@pytest.mark.parametrize(
    "content",
    [
        b"a,b\n1,x y\n,z\n",
        b"a,b\r\n1,x y\r\n,z\r\n",
        b"a,b\n1,x y\n,z",
        b"a;b\n1;x y\n;z\n",
        b"a\tb\n1\tx y\n\tz\n",
        b"\xef\xbb\xbfa,b\n1,x y\n,z\n",
        b'"a","b"\n"1","x y"\n"","z"\n',
        b" a , b \n1,x y\n,z\n",
        b"a,b\r1,x y\r,z\r",
        b"a,b\r\n1,x y\n,z\r",
        "a\tb\n1\tx y\n\tz\n".encode("utf-16"),
        "\ufeffa,b\n1,x y\n,z\n".encode("utf-16-be"),
        "\ufeffa,b\n1,x y\n,z\n".encode("utf-32-le"),
        b"a,b\n1,x y\n,z\n\x1a",
        b"a,b\r\n1,x y\r\n,z\r\n\x1a\r\n",
        b"a,b\n1,x y\n,z\n,\n , \n\n",
        b"a,b\n1,x y\n,z\n   \n",
        b"a,b,,\n1,x y,,\n,z,,\n,,,\n",
        b"a,b\n1,x y,,\n,z,\n",
        b"a,b,,\n1,x y\n,z\n",
        b'"a","b",""\n"1","x y",""\n"","z"," "\n',
        "\u200ba,\u00a0b\ufeff\n1,x y\n,z\n".encode(),
    ],
)
def test_the_same_table_in_several_spellings(content, table_of):
    table = table_of(content)
    assert table.to_dict("list") == {"a": ["1", ""], "b": ["x y", "z"]}
    assert list(table.index) == [2, 3]


def test_cells_are_text_and_nothing_is_interpreted(table_of):
    cells = ["NA", "nan", "None", "1e5", "007", "TRUE", " x ", "=1+1", "", "null"]
    table = table_of("a,b\n" + "".join(f"{cell},y\n" for cell in cells))
    assert list(table["a"]) == cells


def test_quoted_cells_may_hold_anything(table_of):
    table = table_of('a,b\n"1\n2","say ""hi"", now"\n\n"3;4",x\n')
    assert table.to_dict("list") == {"a": ["1\n2", "3;4"], "b": ['say "hi", now', "x"]}
    assert list(table.index) == [2, 5]


def test_a_header_may_hold_quoted_separators(table_of):
    assert list(table_of('"Area, m2","Lot, m2"\n1,2\n').columns) == ["Area, m2", "Lot, m2"]


def test_a_table_of_one_column(table_of):
    assert table_of("a\n1\n2\n").to_dict("list") == {"a": ["1", "2"]}


def test_lines_are_those_of_the_file(table_of):
    assert list(table_of(b",\n\na,b\n1,2\n\n3,4\n").index) == [4, 6]
    assert list(table_of(b"sep=;\r\na;b\r\n1;2\r\n").index) == [3]


def test_a_row_of_separators_between_others_is_a_row(table_of):
    assert table_of(b"a,b\n1,2\n,\n3,4\n")["a"].tolist() == ["1", "", "3"]


def test_an_empty_cell_in_quotes_is_a_row_of_one_column(table_of):
    assert table_of(b'a\n1\n""\n\n')["a"].tolist() == ["1", ""]


def test_a_single_column_without_a_name_is_carried_through(table_of):
    assert list(table_of(b",a\n0,1\n").columns) == ["", "a"]


@pytest.mark.parametrize(
    ("content", "separator", "header"),
    [
        ('"Area, net, m2";Rooms\n70;3\n', ";", ["Area, net, m2", "Rooms"]),
        ('"a;b;c","d"\n1,2\n', ",", ["a;b;c", "d"]),
        ('"a\tb,c;d"\te\n1\t2\n', "\t", ["a\tb,c;d", "e"]),
        ('"say ""a,b,c""";d\n1;2\n', ";", ['say "a,b,c"', "d"]),
        ('"a\n,,,";b\n1;2\n', ";", ["a\n,,,", "b"]),
        ("sep=;\na,b;c\n1;2\n", ";", ["a,b", "c"]),
        ("sep=|\r\na,b|c\r\n1|2\r\n", "|", ["a,b", "c"]),
        ("SEP=\t\na,b\tc\n1\t2\n", "\t", ["a,b", "c"]),
        ('"sep=;"\na;b\n1;2\n', ";", ["a", "b"]),
        ("\ufeffsep=;\na;b\n1;2\n", ";", ["a", "b"]),
    ],
)
def test_separators(content, separator, header, written):
    file = read_csv(written(content))
    assert (file.dialect.separator, file.header) == (separator, header)


def test_names_in_another_normal_form_are_the_same_name(table_of):
    assert list(table_of("Gro\u0308\u00dfe,b\n1,2\n").columns) == ["Gr\u00f6\u00dfe", "b"]


def test_blank_lines_are_counted(written):
    assert read_csv(written("\na,b\n1,2\n\n3,4\n,\n\n")).left_out == 4


CELLS = [
    "",
    "x",
    'say "hi"',
    "a,b",
    "a;b",
    "a\tb",
    "two\r\nlines",
    "lone\rreturn",
    "line\nfeed",
    " spaces ",
    "'",
    "é",
    "\U0001f600",
]


@pytest.mark.parametrize(
    ("separator", "declares"), [*((one, declares) for one in ",;\t" for declares in (False, True)), ("|", True)]
)
@pytest.mark.parametrize("line_end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize(("bom", "codec"), [(b"", "utf-8"), (b"\xef\xbb\xbf", "utf-8"), (b"\xff\xfe", "utf-16-le")])
def test_what_is_written_is_read_again(separator, line_end, bom, codec, *, declares, written):
    dialect = Dialect(bom=bom, codec=codec, separator=separator, line_end=line_end, declares_separator=declares)
    rows = [["a", "b", "c"], *([cell, "1", cell] for cell in CELLS)]
    content = dialect.encode(rows)
    file = read_csv(written(content))
    assert [file.header, *file.rows] == rows
    assert file.dialect == dialect
    text = content[len(bom) :].decode(codec)
    by_library = csv.reader(io.StringIO(text.split(line_end, 1)[1] if declares else text, newline=""), delimiter=separator)
    assert list(by_library) == rows


@pytest.mark.parametrize(
    ("cells", "numbers"),
    [
        (["1,5", "-0,25", ",5", "12", "1.5"], ["1.5", "-0.25", "0.5", "12", "1.5"]),
        (["1.440,5", "12.345.678,25", "1 440,5", "1\u202f440,5"], ["1440.5", "12345678.25", "1440.5", "1440.5"]),
        (["43,560"], ["43.560"]),
        (["1,5e3", "\u22122,5"], ["1.5e3", "-2.5"]),
        (["1,5", "1.234.567"], ["1.5", "1234567"]),
        (["1,5", "43.560"], ["1.5", "43.560 (43,560 or 43560?)"]),
        (["43.560", "1.5"], ["43.560", "1.5"]),
        (["1,5", "1,2,3", "x,y", "14.40,5"], ["1.5", "1,2,3", "x,y", "14.40,5"]),
    ],
)
def test_decimal_commas_between_semicolons(cells, numbers, table_of):
    table = table_of("x;y\n" + "".join(f"{cell};1\n" for cell in cells))
    assert number_cells(table, "x") == numbers
    for row in range(len(cells)):
        # What the cells mean does not depend on the rows that are left.
        assert number_cells(table[table["x"] != "?"].iloc[row : row + 1], "x") == [numbers[row]]
    assert has_decimal_commas(table, ["x", "y"]) is any("," in cell for cell in cells)
    assert not has_decimal_commas(table, ["y"])


def test_commas_between_other_separators_are_no_decimal_commas(table_of):
    assert number_cells(table_of('x,y\n"43,560",1\n'), "x") == ["43,560"]
    assert number_cells(table_of("x\ty\n43,560\t1\n"), "x") == ["43,560"]
