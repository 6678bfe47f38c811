"""``trained/releases.toml``: which releases there are, by the digest of their manifests, and which one is live."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from ml_model.errors import ReleaseError, in_one_line, nearest

TRAINED = Path(__file__).parent / "trained"
"""The folder of the releases that this package ships."""
FILE = "releases.toml"
# https://semver.org, "Is there a suggested regular expression"; leading zeros are not allowed.
_NUMBER = r"(?:0|[1-9]\d*)"
_VERSION = re.compile(rf"{_NUMBER}\.{_NUMBER}\.{_NUMBER}", re.ASCII)


class Releases(BaseModel):
    """The content of ``releases.toml``."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    live: str
    """Version that answers; empty where there is none yet."""
    manifests: dict[str, str]
    """Version to the SHA-256 of its manifest."""

    def manifest_of(self, version: str) -> str:
        """Return the digest of the manifest of a listed version; raise ReleaseError for another."""
        if version not in self.manifests:
            raise ReleaseError(f"release '{version}' is not listed in {FILE}.{nearest(version, self.manifests)}")
        return self.manifests[version]


def read_releases(trained: Path = TRAINED) -> Releases:
    """Read ``releases.toml``; raise ReleaseError where it is missing or wrong."""
    try:
        releases = Releases.model_validate(tomllib.loads((trained / FILE).read_text("utf-8")))
    except FileNotFoundError:
        return Releases(live="", manifests={})
    except (OSError, ValueError) as error:
        raise ReleaseError(f"{FILE} cannot be read: {in_one_line(error)}") from error
    if releases.live:
        releases.manifest_of(releases.live)
    return releases


def add_release(version: str, manifest_sha256: str, trained: Path = TRAINED) -> None:
    """List a new release; the first one of all goes live, a later one waits until it is promoted."""
    releases = read_releases(trained)
    manifests = {**releases.manifests, version: manifest_sha256}
    _write(trained, live=releases.live or version, manifests=manifests)


def promote(version: str, trained: Path = TRAINED) -> None:
    """Make a listed release the live one; raise ReleaseError where it is not listed."""
    releases = read_releases(trained)
    releases.manifest_of(version)
    _write(trained, live=version, manifests=releases.manifests)


def check_version(version: str) -> str:
    """Return ``version`` where it is MAJOR.MINOR.PATCH; raise ReleaseError for anything else."""
    if not _VERSION.fullmatch(version):
        raise ReleaseError(f"'{version}' is not a version; write MAJOR.MINOR.PATCH, for example 1.0.1")
    return version


def _write(trained: Path, live: str, manifests: Mapping[str, str]) -> None:
    lines = [
        "# Which release answers. A release is a reviewed change of this file; its revert is the rollback.",
        f"live = {json.dumps(live)}",
        "",
        "[manifests]",
        *(f"{json.dumps(version)} = {json.dumps(digest)}" for version, digest in manifests.items()),
        "",
    ]
    building = trained / f".{FILE}"
    building.write_text("\n".join(lines), "utf-8")
    building.replace(trained / FILE)
