"""What of a machine decides the last bits of a number: processor, Python, libraries."""

from __future__ import annotations

import os
import platform
from importlib.metadata import PackageNotFoundError, version

import numpy as np

from ml_model.artifacts import Manifest


def instruction_set() -> str:
    """Return the vector instructions that numerical libraries may choose here: ``X86_V3 X86_V4``.

    They sum in another order by other instructions, so the last bits of a fitted coefficient depend on them, while the
    number of threads changes none (``docs/decisions.md``).
    """
    # A core that OpenBLAS is told to take counts as much as one that it finds.
    forced = os.environ.get("OPENBLAS_CORETYPE")
    found = np.show_config(mode="dicts")["SIMD Extensions"]["found"]
    return " ".join([*found, *([f"OpenBLAS:{forced}"] if forced else [])])


def differences(manifest: Manifest) -> list[str]:
    """Return in words where this environment is not the recorded one; empty where a training must give the same bits."""
    pairs = [
        ("the machine", manifest.machine, platform.machine()),
        ("Python", _minor(manifest.python), _minor(platform.python_version())),
        *((name, built, _installed(name)) for name, built in manifest.libraries.items()),
        ("the instruction set", manifest.instructions or "not recorded", instruction_set()),
    ]
    return [f"{what} is {now} and was {then}" for what, then, now in pairs if now != then]


def _minor(python: str) -> str:
    return ".".join(python.split(".")[:2])


def _installed(library: str) -> str:
    try:
        return version(library)
    except PackageNotFoundError:
        return "not installed"
