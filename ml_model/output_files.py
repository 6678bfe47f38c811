"""Files that a command writes: complete under their name, or not at all."""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
from pathlib import Path

from ml_model.errors import DataError


def replace_file(path: Path, content: bytes) -> None:
    """Write a file in its folder under another name and rename it, so that a failure leaves the earlier file as it was.

    Raises OSError. A pipe or a device, such as ``/dev/stdout``, is written to directly.
    """
    if path.exists() and not (path.is_file() or path.is_dir()):
        path.write_bytes(content)
        return
    target = Path(os.path.realpath(path))  # a link stays, and what it points to is replaced
    building = target.with_name(f".{target.name[:50]}.{secrets.token_hex(8)}")
    try:
        with building.open("xb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        with contextlib.suppress(FileNotFoundError):
            shutil.copymode(target, building)
        building.replace(target)
    except BaseException:
        building.unlink(missing_ok=True)
        raise


def write_output(path: Path, content: bytes, *, source: Path) -> None:
    """Write a result as ``replace_file`` does; raise DataError if it cannot be written, or would replace its ``source``."""
    try:
        if path.exists() and path.samefile(source):
            raise DataError(f"{path}: is the file that is read; write the result to another file")
        replace_file(path, content)
    except OSError as error:
        raise DataError(f"{path}: cannot be written: {error.strerror or error}") from error
