"""Every exception that the package raises. Each writes its own message, and the message says how to mend the cause."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from pydantic import ValidationError

_LONGEST_WORD = 80
"""Characters of a word that a hint is looked for."""
_LISTED_FAULTS = 50


def nearest(word: str, known: Iterable[str]) -> str:
    """Return `` Did you mean 'x'?`` for the known word most like ``word``, or an empty string when none is like it."""
    found = difflib.get_close_matches(word, list(known), n=1, cutoff=0.6)
    return f" Did you mean '{found[0]}'?" if found else ""


class Hints:
    """Finds the nearest words for one request. To compare two words takes up to a millisecond, so the work is limited."""

    def __init__(self, most_compared: int = 30_000) -> None:
        self._left = most_compared
        """Characters that may still be compared: those of each word, once for each known word."""

    def nearest(self, word: str, known: Collection[str]) -> str:
        """Return what the function ``nearest`` returns, or an empty string once the limit is reached."""
        word = word[:_LONGEST_WORD]
        self._left -= len(word) * len(known)
        return nearest(word, known) if self._left >= 0 else ""


def in_one_line(error: Exception) -> str:
    """Return the message of a library's error on one line; of the faults that pydantic found, the first with its key."""
    if isinstance(error, ValidationError):
        first = error.errors(include_url=False)[0]
        return f"{'.'.join(map(str, first['loc'])) or 'content'}: {first['msg']}"
    return " ".join(str(error).split())


class ModelError(Exception):
    """Any fault of the model package that a caller may want to catch as one."""


class SpecError(ModelError):
    """``model.toml`` breaks its own rules."""

    def __init__(self, key: str, problem: str, *others: tuple[str, str]) -> None:
        self.key = key
        """Key of the first fault."""
        self.faults = ((key, problem), *others)
        """Key and sentence of every fault."""
        lines = [": ".join(fault) for fault in self.faults[:_LISTED_FAULTS]]
        more = len(self.faults) - len(lines)
        lines += [f"and {more} more"] if more else []
        super().__init__(
            f"model.toml: {lines[0]}" if not others else "\n- ".join([f"model.toml has {len(self.faults)} faults:", *lines])
        )


class ExpressionError(ModelError):
    """A derived feature uses something that the expression language does not have."""

    def __init__(self, source: str, problem: str) -> None:
        super().__init__(f"expression '{source}': {problem}")


class DataError(ModelError):
    """A data file cannot be read or does not keep to the spec."""


class TrainingError(ModelError):
    """A stage of training failed; nothing was written."""

    def __init__(self, stage: str, cause: Exception) -> None:
        self.stage = stage
        problem = str(cause) if isinstance(cause, SpecError) else in_one_line(cause)
        super().__init__(f"training stopped in stage '{stage}': {problem}")


class GatesFailed(ModelError):
    """A candidate did not pass every gate; it is not listed."""

    def __init__(self, version: str, failed: Sequence[str]) -> None:
        self.failed = tuple(failed)
        """One line per gate: its name, what was measured, and what it had to be."""
        names = ", ".join(line.partition(":")[0] for line in failed)
        super().__init__(f"release {version} is refused by {len(failed)} gate(s): {names}")


class BundleRefused(ModelError):
    """A release bundle was not opened, or was opened and does not answer as it was recorded to."""

    def __init__(self, bundle: str, reason: str) -> None:
        super().__init__(f"release bundle {bundle} refused: {reason}")


class NotReproduced(ModelError):
    """A release does not come out again as it was released."""

    def __init__(self, version: str, difference: str) -> None:
        super().__init__(f"release {version} is not reproduced: {difference}")


class ReleaseError(ModelError):
    """``releases.toml`` names a release that is not there, or cannot be read."""


@dataclass(frozen=True, kw_only=True, slots=True)
class FieldError:
    """One fault of one field of one record."""

    pointer: str
    """JSON pointer (RFC 6901) to the value: ``/living_area``, or ``/3/living_area`` inside a list."""
    code: str
    """Stable machine word: required, type, integer, range, finite, choice, date, text, unknown_field, record or no_answer."""
    detail: str
    """One sentence for the person who has to mend it."""

    @property
    def field(self) -> str:
        """The name of the field; empty when the fault is of the record as a whole."""
        return self.pointer.rpartition("/")[2]

    def at(self, row: int) -> FieldError:
        """The same fault as seen from the list that holds the record at index ``row``."""
        return FieldError(pointer=f"/{row}{self.pointer}", code=self.code, detail=self.detail)


class RecordsRefused(ModelError):
    """One or more records break the contract. Nothing was scored."""

    def __init__(self, errors_by_row: Mapping[int, Sequence[FieldError]], *, count: int | None = None) -> None:
        self.errors_by_row = errors_by_row
        """The faults of each refused record."""
        self.count = sum(map(len, errors_by_row.values())) if count is None else count
        """Faults of all records."""
        row, errors = next(iter(errors_by_row.items()))
        first = errors[0]
        super().__init__(
            f"{len(errors_by_row)} record(s) refused; first: record {row}, {first.pointer or 'whole record'}: {first.detail}"
        )


class CompilationError(ModelError):
    """An estimator holds something that the compiled form cannot say."""

    def __init__(self, part: str) -> None:
        super().__init__(f"{part} cannot be compiled")
