import os
import stat

import pytest

from ml_model.errors import DataError
from ml_model.output_files import replace_file, write_output


def test_a_file_is_replaced_as_a_whole(tmp_path):
    path = tmp_path / "out.csv"
    for content in (b"first", b"second"):
        replace_file(path, content)
        assert path.read_bytes() == content
    assert [file.name for file in tmp_path.iterdir()] == ["out.csv"]


def test_a_failure_leaves_the_earlier_file(tmp_path):
    path = tmp_path / "out.csv"
    path.write_bytes(b"yesterday")
    with pytest.raises(TypeError):
        replace_file(path, "text is not bytes")  # type: ignore[arg-type]
    assert path.read_bytes() == b"yesterday"
    assert [file.name for file in tmp_path.iterdir()] == ["out.csv"]


def test_permissions_stay_and_a_new_file_has_those_of_any_file(tmp_path):
    path, other = tmp_path / "out.csv", tmp_path / "other"
    path.touch()
    path.chmod(0o640)
    replace_file(path, b"x")
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    other.touch()
    replace_file(tmp_path / "new.csv", b"x")
    assert (tmp_path / "new.csv").stat().st_mode == other.stat().st_mode


def test_a_link_stays_a_link(tmp_path):
    (tmp_path / "real.csv").touch()
    link = tmp_path / "link.csv"
    link.symlink_to("real.csv")
    replace_file(link, b"x")
    assert link.is_symlink()
    assert (tmp_path / "real.csv").read_bytes() == b"x"


def test_a_pipe_is_written_to(tmp_path):
    path = tmp_path / "pipe"
    os.mkfifo(path)
    reader = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    try:
        replace_file(path, b"through")
        assert os.read(reader, 100) == b"through"
    finally:
        os.close(reader)


def test_a_name_of_the_greatest_length(tmp_path):
    path = tmp_path / ("x" * 255)
    replace_file(path, b"x")
    assert path.read_bytes() == b"x"


def test_the_source_is_never_replaced(tmp_path):
    source, link, hard = (tmp_path / name for name in ("in.csv", "link.csv", "hard.csv"))
    source.write_bytes(b"input")
    link.symlink_to(source)
    hard.hardlink_to(source)
    for result in (source, link, hard, tmp_path / "." / "in.csv"):
        with pytest.raises(DataError, match="is the file that is read; write the result to another file"):
            write_output(result, b"result", source=source)
    assert source.read_bytes() == b"input"


def test_a_place_that_cannot_be_written(tmp_path):
    (tmp_path / "in.csv").touch()
    for result in (tmp_path, tmp_path / "missing" / "out.csv"):
        with pytest.raises(DataError, match=r"cannot be written: [A-Z].*[a-z]$"):
            write_output(result, b"x", source=tmp_path / "in.csv")
    assert [file.name for file in tmp_path.iterdir()] == ["in.csv"]
