"""What a candidate asks and answers beside the live release: a change of it needs a version that says so.

By Semantic Versioning 2.0.0, seen from whoever sends records: a **major** version may take a field away, require one, read a
field from another column, in another unit or of another kind, narrow what it accepts, or predict something else; a **minor**
one may add an optional field, accept more, and change what the model sees of it (features and their order); a **patch**
changes words and the estimator alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from ml_model.artifacts import GateResult
from ml_model.spec import ModelSpec
from ml_model.tables import FieldTable
from ml_model.versions import Version

_PARTS = ("patch", "minor", "major")
Changes = Iterator[tuple[str, str]]
"""The part of the version that a change needs, and what was changed."""


def contract_gates(candidate: ModelSpec, live: ModelSpec, new: Version, old: Version) -> list[GateResult]:
    """Return one result per side of the contract; ``new`` and ``old`` are the versions of the candidate and the live release."""
    part = "major" if new.major != old.major else "minor" if new.minor != old.minor else "patch"
    kinds: dict[str, Callable[[ModelSpec, ModelSpec], Changes]] = {
        "target": _target,
        "fields": _fields,
        "columns": _columns,
        "values": _values,
        "features": _features,
    }
    return [_result(f"contract.{name}", list(changes(candidate, live)), part, str(new)) for name, changes in kinds.items()]


def _result(name: str, changes: list[tuple[str, str]], part: str, version: str) -> GateResult:
    needed = max((_PARTS.index(need) for need, _ in changes), default=0)
    passed = needed <= _PARTS.index(part)
    said = "; ".join(what for _, what in changes[:5]) or "as in the live release"
    mend = "" if passed else f"; release it as a {_PARTS[needed]} version instead of {version}, or take the change back"
    limit = f"no change beyond what a {part} version may do"
    return GateResult(name=name, passed=passed, value=float(len(changes)), limit=limit, detail=f"{said}{mend}")


def _target(candidate: ModelSpec, live: ModelSpec) -> Changes:
    for what, new, old in (
        ("task", candidate.model.task, live.model.task),
        ("target column", candidate.target.column, live.target.column),
        ("unit of the target", candidate.target.unit, live.target.unit),
        ("classes", candidate.classes, live.classes),
    ):
        if new != old:
            yield "major", f"{what}: '{new}' instead of '{old}'"


def _fields(candidate: ModelSpec, live: ModelSpec) -> Changes:
    for name in live.fields.keys() - candidate.fields.keys():
        yield "major", f"field '{name}' was dropped"
    for name, field in candidate.fields.items():
        if name not in live.fields:
            yield ("major" if field.required else "minor"), f"field '{name}' was added"
        elif field.required != live.fields[name].required:
            yield (
                ("major" if field.required else "minor"),
                f"field '{name}' is {'required' if field.required else 'optional'} now",
            )


def _shared(candidate: ModelSpec, live: ModelSpec) -> Iterator[tuple[FieldTable, FieldTable]]:
    return ((field, live.fields[name]) for name, field in candidate.fields.items() if name in live.fields)


def _columns(candidate: ModelSpec, live: ModelSpec) -> Changes:
    for new, old in _shared(candidate, live):
        if new.column != old.column:
            yield "major", f"field '{new.name}' reads column '{new.column}' instead of '{old.column}'"


def _values(candidate: ModelSpec, live: ModelSpec) -> Changes:
    for new, old in _shared(candidate, live):
        for what, now, before in (("kind", new.kind, old.kind), ("unit", new.unit, old.unit)):
            if now != before:
                yield "major", f"field '{new.name}': {what} '{now}' instead of '{before}'"
        if gone := old.codes.keys() - new.codes.keys():
            yield "major", f"field '{new.name}': choice {min(map(repr, gone))} is no longer accepted"
        elif new.codes.keys() != old.codes.keys():
            yield "minor", f"field '{new.name}': more choices"
        narrowed = new.range and old.range and (new.range[0] > old.range[0] or new.range[1] < old.range[1])
        if new.range != old.range:
            yield ("major" if narrowed else "minor"), f"field '{new.name}': range {new.range} instead of {old.range}"
        if (new.earliest, new.latest) != (old.earliest, old.latest):
            narrowed = new.earliest > old.earliest or new.latest < old.latest
            yield ("major" if narrowed else "minor"), f"field '{new.name}': other days are accepted"


def _features(candidate: ModelSpec, live: ModelSpec) -> Changes:
    now, before = _seen(candidate), _seen(live)
    for name in sorted(before.keys() - now.keys()):
        yield "minor", f"feature '{name}' was dropped"
    for name in sorted(now.keys() - before.keys()):
        yield "minor", f"feature '{name}' was added"
    for name in sorted(now.keys() & before.keys()):
        if now[name] != before[name]:
            yield "minor", f"feature '{name}' is computed in another way"
    if now.keys() == before.keys() and list(now) != list(before):
        yield "minor", "the features stand in another order"


def _seen(spec: ModelSpec) -> dict[str, str]:
    """Features by name with what computes them; a choice counts from its position, so their order matters."""
    fields = {field.name: repr(list(field.codes)) for field in spec.field if field.feature}
    return fields | {derived.name: derived.expression for derived in spec.derived}
