"""A checkout has the bytes that were committed, also where Git is told to convert line ends."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
NEEDED = ["deploy/run-local", "ml_model/trained/releases.toml", "ml_model/trained/1.0.0", "manage.py"]


def git(*words: str, cwd: Path = ROOT) -> bytes:
    """Return what a command of Git prints."""
    return subprocess.run(["git", *words], cwd=cwd, capture_output=True, check=True).stdout


@pytest.mark.skipif(not (ROOT / ".git").exists(), reason="this is no checkout")
def test_no_line_end_is_converted(tmp_path):
    git("clone", "--quiet", "--no-checkout", "--config", "core.autocrlf=true", str(ROOT), str(tmp_path / "clone"))
    clone = tmp_path / "clone"
    # The rule of the working tree, which may not be committed yet.
    (clone / ".git" / "info" / "attributes").write_bytes((ROOT / ".gitattributes").read_bytes())
    git("checkout", "--quiet", "HEAD", "--", *NEEDED, cwd=clone)
    paths = git("ls-files", *NEEDED, cwd=clone).decode().splitlines()
    changed = [path for path in paths if (clone / path).read_bytes() != git("show", f"HEAD:{path}")]
    assert len(paths) > 10
    assert changed == []
