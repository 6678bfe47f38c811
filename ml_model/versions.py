"""Semantic versions by the specification 2.0.0, https://semver.org: read, ordered, raised."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Literal

from ml_model.errors import ReleaseError

Part = Literal["patch", "minor", "major"]

LONGEST = 64
"""Most characters of a version; it names a folder and fills a column of stored predictions."""
_NUMBER = r"(?:0|[1-9][0-9]*)"
_PRERELEASE = rf"(?:{_NUMBER}|[0-9]*[A-Za-z-][0-9A-Za-z-]*)"
_BUILD = r"[0-9A-Za-z-]+"
_VERSION = re.compile(
    rf"(?P<major>{_NUMBER})\.(?P<minor>{_NUMBER})\.(?P<patch>{_NUMBER})"
    rf"(?:-(?P<prerelease>{_PRERELEASE}(?:\.{_PRERELEASE})*))?"
    rf"(?:\+(?P<build>{_BUILD}(?:\.{_BUILD})*))?"
)


@functools.total_ordering
@dataclass(frozen=True, kw_only=True, slots=True)
class Version:
    """A version; ``<`` and ``==`` are the precedence of paragraph 11, for which the build parts do not count.

    >>> sorted(["1.0.0", "1.0.0-rc.1", "1.0.0-alpha.beta", "1.0.0-alpha.1"], key=parse)
    ['1.0.0-alpha.1', '1.0.0-alpha.beta', '1.0.0-rc.1', '1.0.0']
    """

    major: int
    minor: int
    patch: int
    prerelease: tuple[str, ...] = ()
    """Parts between ``-`` and ``+``; empty for a release proper."""
    build: tuple[str, ...] = field(default=(), compare=False)
    """Parts after ``+``."""

    def __str__(self) -> str:
        """Write the version as it is read: ``1.2.0-rc.1+build.5``."""
        prerelease = f"-{'.'.join(self.prerelease)}" if self.prerelease else ""
        build = f"+{'.'.join(self.build)}" if self.build else ""
        return f"{self.major}.{self.minor}.{self.patch}{prerelease}{build}"

    def __lt__(self, other: Version) -> bool:
        """Whether this version has the lower precedence."""
        return self._precedence() < other._precedence()

    def bump(self, part: Part) -> Version:
        """Return the next release proper of that part; the prerelease of it is followed by itself.

        >>> str(parse("1.2.3").bump("minor")), str(parse("1.3.0-rc.1").bump("minor")), str(parse("1.3.0-rc.1").bump("major"))
        ('1.3.0', '1.3.0', '2.0.0')
        """
        is_prerelease = bool(self.prerelease)
        if part == "major":
            stays = is_prerelease and self.minor == self.patch == 0
            return Version(major=self.major + (not stays), minor=0, patch=0)
        if part == "minor":
            stays = is_prerelease and self.patch == 0
            return Version(major=self.major, minor=self.minor + (not stays), patch=0)
        return Version(major=self.major, minor=self.minor, patch=self.patch + (not is_prerelease))

    def with_prerelease(self, text: str) -> Version:
        """Return the prerelease of this version: ``rc.1`` of 1.2.0 is 1.2.0-rc.1; raise ReleaseError for a wrong text."""
        if not re.fullmatch(rf"{_PRERELEASE}(?:\.{_PRERELEASE})*", text):
            raise ReleaseError(
                f"'{_shortened(text)}' is not a prerelease; write letters, digits and hyphens between dots, for example rc.1"
            )
        return parse(str(replace(self, prerelease=tuple(text.split(".")), build=())))

    def _precedence(self) -> tuple[object, ...]:
        # Numbers stand below words, more parts above fewer, and no prerelease above any.
        parts = tuple((0, int(part), "") if part.isdigit() else (1, 0, part) for part in self.prerelease)
        return self.major, self.minor, self.patch, not self.prerelease, parts


def parse(text: str) -> Version:
    """Read a version; raise ReleaseError where it does not keep to the specification or is longer than ``LONGEST``."""
    found = _VERSION.fullmatch(text) if len(text) <= LONGEST else None
    if found is None:
        raise ReleaseError(
            f"'{_shortened(text)}' is not a version; write MAJOR.MINOR.PATCH[-PRERELEASE][+BUILD] in at most "
            f"{LONGEST} characters, for example 1.0.1 or 1.1.0-rc.1"
        )
    return Version(
        major=int(found["major"]),
        minor=int(found["minor"]),
        patch=int(found["patch"]),
        prerelease=tuple(found["prerelease"].split(".")) if found["prerelease"] else (),
        build=tuple(found["build"].split(".")) if found["build"] else (),
    )


def following(listed: Iterable[str], part: Part = "patch") -> Version:
    """Return the version after the highest of those listed, or 1.0.0 where there is none; see ``Version.bump``.

    >>> str(following(["1.0.0", "1.1.0"])), str(following([])), str(following(["1.1.0"], "minor").with_prerelease("rc.1"))
    ('1.1.1', '1.0.0', '1.2.0-rc.1')
    """
    highest = max(map(parse, listed), default=None)
    return highest.bump(part) if highest else Version(major=1, minor=0, patch=0)


def _shortened(text: str) -> str:
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}…"
