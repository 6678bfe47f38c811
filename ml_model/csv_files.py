"""CSV files as real tools write them: read with their dialect, and written in it again.

Read are UTF-8 and, with a byte-order mark, UTF-16 and UTF-32; comma, semicolon, tab, or what a first line ``sep=|`` declares;
any line ends; blank lines, lines of separators before and after the rows, and columns of nothing at their right.
"""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ml_model.errors import DataError
from ml_model.texts import decode, plain, plain_number

if TYPE_CHECKING:
    import pandas as pd

_MAGIC = {
    b"PK\x03\x04": "an XLSX or ZIP file",
    b"\xd0\xcf\x11\xe0": "an XLS file",
    b"%PDF": "a PDF",
    b"\x1f\x8b": "a gzip file",
}
_DECLARED = re.compile(r'"?sep=([^\w\s"]|\t)"?[ \t]*(\r\n|\n|\r)', re.IGNORECASE)
_LINE_END = re.compile(r"\r\n|\n|\r")
_FIRST_RECORD = re.compile(r'(?:[^"\r\n]|"[^"]*")*+')
_LONGEST_NUMBER = 100
_DECIMAL_COMMA = re.compile(r"([+-]?)(\d{1,3}(?:[. ]\d{3})+|\d*),(\d+)([eE][+-]?\d{1,3})?")
_THOUSANDS = re.compile(r"[+-]?\d{1,3}(?:\.\d{3})+")


@dataclass(frozen=True, kw_only=True)
class Dialect:
    """How a CSV file is written."""

    bom: bytes
    """Its byte-order mark; empty if it has none."""
    codec: str
    separator: str
    line_end: str
    declares_separator: bool
    """Whether it begins with a line such as ``sep=;``."""

    def encode(self, rows: Iterable[Sequence[str]]) -> bytes:
        """Return rows of cells, the header among them, as the content of such a file.

        The writer of the library leaves a lone CR without quotes (Python 3.11), which then ends a row.
        """
        special = re.compile(f'[{re.escape(self.separator)}"\r\n]').search
        lines = [f"sep={self.separator}"] if self.declares_separator else []
        for row in rows:
            cells = [f'"{cell.replace(chr(34), chr(34) * 2)}"' if special(cell) else cell for cell in row]
            lines.append(self.separator.join(cells))
        return self.bom + "".join(line + self.line_end for line in lines).encode(self.codec)


@dataclass(frozen=True, kw_only=True)
class CsvFile:
    """The content of a CSV file, nothing interpreted."""

    dialect: Dialect
    header: list[str]
    """Names of the columns as they are written."""
    rows: list[list[str]]
    """Cells of each row, as many as the header has."""
    lines: list[int]
    """The line on which each row begins."""
    left_out: int
    """How many blank lines and lines of separators were left out."""

    def table(self) -> pd.DataFrame:
        """Return the rows as a frame of text with plain names, indexed by their lines.

        Its attribute ``decimal_commas`` names the columns with a comma in a file with semicolons, for ``number_cells``.
        """
        import pandas as pd  # costs half a second and 60 MB, which a process that only serves records does not need

        table = pd.DataFrame(self.rows, columns=[plain(name) for name in self.header], index=self.lines, dtype=str)
        if self.dialect.separator == ";":
            table.attrs["decimal_commas"] = [name for name in table if any("," in cell for cell in table[name])]
        return table


def read_csv(path: Path) -> CsvFile:
    """Read a CSV file; raise DataError that names the line if it is none."""
    text, bom, codec = _readable(path)
    declared = _DECLARED.match(text)
    body = text[declared.end() :] if declared else text
    separator = declared[1] if declared else _separator(body.lstrip())
    line_end = _LINE_END.search(text)
    try:
        found = list(_rows(body, separator, first=2 if declared else 1))
        header, rows = _framed(found)
    except DataError as error:
        raise DataError(f"{path.name}: {error}") from error
    return CsvFile(
        dialect=Dialect(
            bom=bom,
            codec=codec,
            separator=separator,
            line_end=line_end[0] if line_end else "\n",
            declares_separator=bool(declared),
        ),
        header=header,
        rows=[cells for _, cells in rows],
        lines=[line for line, _ in rows],
        left_out=len(found) - 1 - len(rows),
    )


def read_table(path: Path) -> pd.DataFrame:
    """Return a CSV file as a frame of text, see ``CsvFile.table``; raise DataError that names the line if it is none."""
    return read_csv(path).table()


def number_cells(table: pd.DataFrame, column: str) -> list[str]:
    """Return the cells of a column of numbers with a point for decimals.

    A file with semicolons may have decimal commas, and then points between thousands. In a column with decimal commas ``1.234``
    could mean either, and is made no number.
    """
    cells = [plain_number(cell) for cell in table[column]]
    return list(map(_with_point, cells)) if has_decimal_commas(table, [column]) else cells


def has_decimal_commas(table: pd.DataFrame, columns: Iterable[str]) -> bool:
    """Return whether one of the columns of numbers has decimal commas."""
    return not set(columns).isdisjoint(table.attrs.get("decimal_commas", ()))


def _with_point(cell: str) -> str:
    if len(cell) > _LONGEST_NUMBER:
        return cell
    if number := _DECIMAL_COMMA.fullmatch(cell):
        sign, whole, decimals, exponent = number.groups(default="")
        return f"{sign}{whole.replace('.', '').replace(' ', '') or '0'}.{decimals}{exponent}"
    if not _THOUSANDS.fullmatch(cell):
        return cell
    return cell.replace(".", "") if cell.count(".") > 1 else f"{cell} ({cell.replace('.', ',')} or {cell.replace('.', '')}?)"


def _readable(path: Path) -> tuple[str, bytes, str]:
    try:
        content = path.read_bytes()
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {error.strerror}") from error
    kind = next((kind for magic, kind in _MAGIC.items() if content.startswith(magic)), None)
    if kind:
        raise DataError(f"{path.name}: is {kind}; save it as CSV in UTF-8")
    try:
        text, bom, codec = decode(content)
    except ValueError as error:
        raise DataError(f"{path.name}: {error}") from error
    if not text.strip():
        raise DataError(f"{path.name}: is empty")
    return text, bom, codec


def _separator(text: str) -> str:
    """The separator that the header has most of; those in quotes do not count."""
    record = _FIRST_RECORD.match(text)
    outside = re.sub(r'"[^"]*"', "", record[0] if record else "")
    return max(",;\t", key=outside.count)


def _rows(text: str, separator: str, *, first: int) -> Iterator[tuple[int, list[str]]]:
    """The line on which each row begins, and its cells."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
    line = first
    try:
        for cells in reader:
            yield line, cells
            line = reader.line_num + first
    except csv.Error as error:
        raise DataError(f"is not a well-formed CSV file: line {line}: {_in_plain_words(str(error))}") from error


def _in_plain_words(problem: str) -> str:
    if "unexpected end" in problem:
        return "a cell begins with a quote that is never closed; close it, or write a quote inside of a cell twice"
    if "expected after" in problem:
        return "there is text behind the closing quote of a cell; write a quote inside of a cell twice"
    if "field larger" in problem:
        return "a cell is longer than 131,072 characters; look for a quote that is never closed"
    return problem


def _framed(found: Sequence[tuple[int, list[str]]]) -> tuple[list[str], list[tuple[int, list[str]]]]:
    """The header and the rows, without blank ones around them and without cells of nothing at their right."""
    filled = [place for place, (_, cells) in enumerate(found) if not _is_blank(cells)]
    if not filled:
        raise DataError("holds no rows")
    header, inner = found[filled[0]][1], found[filled[0] + 1 : filled[-1] + 1]
    rows = [(line, cells) for line, cells in inner if len(cells) > 1 or not _is_blank(cells)]
    width = max(place for place, name in enumerate(header) if name.strip()) + 1
    _check_names([plain(name) for name in header[:width]])
    if not rows:
        raise DataError("holds no rows")
    for line, cells in rows:
        if len(cells) < width or any(cell.strip() for cell in cells[width:]):
            unnamed = "; name every column in the header" if width < len(cells) <= len(header) else ""
            raise DataError(f"line {line} has {len(cells)} cells, the header has {width}{unnamed}")
    return header[:width], [(line, cells[:width]) for line, cells in rows]


def _is_blank(cells: Sequence[str]) -> bool:
    # An empty cell in quotes is a cell, and the only way to write a row of one unknown value.
    return not any(cell.strip() for cell in cells) and cells != [""]


def _check_names(names: Sequence[str]) -> None:
    repeated = min((name for name, count in Counter(names).items() if count > 1), default=None)
    if repeated == "":
        places = ", ".join(str(place) for place, name in enumerate(names, 1) if not name)
        raise DataError(f"columns {places} have no name in the header; name them, or remove them")
    if repeated:
        raise DataError(f"column '{repeated}' stands twice in the header; rename one of them")
