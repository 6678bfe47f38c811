"""What a candidate asks and answers compared with the live release: a change of it needs a version that says so.

By Semantic Versioning 2.0.0, seen from whoever sends records: a **major** version may take a field away, require one, read a
field from another column, in another unit or of another kind, narrow what it accepts, let a value or an answer mean something
else, or predict something else; a **minor** one may add an optional field, accept more, explain a choice in other words, and
change what the model sees of it (features and their order); a **patch** changes other words and the estimator alone.

To add a key to ``model.toml``: classify it in ``RULES``; a test compares them with the tables.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Literal

from ml_model.artifacts import GateResult
from ml_model.spec import ModelSpec
from ml_model.tables import FieldTable, Table
from ml_model.versions import Version

Part = Literal["patch", "minor", "major"]
Rule = Part | Callable[[Any, Any], Part]
"""The part of the version that a change of a key needs, or how to find it out of the new and the old value."""
Changes = Iterator[tuple[Part, str]]
"""The part of the version that a change needs, and what was changed."""
_PARTS: tuple[Part, ...] = ("patch", "minor", "major")


def _required(new: bool, _: bool) -> Part:
    return "major" if new else "minor"


def _range(new: Sequence[float] | None, old: Sequence[float] | None) -> Part:
    # Without a range it is a field of another kind, which is a major change already.
    return "major" if new and old and (new[0] > old[0] or new[1] < old[1]) else "minor"


def _earliest(new: str, old: str) -> Part:
    return "major" if new > old else "minor"


def _latest(new: str, old: str) -> Part:
    return "major" if new < old else "minor"


def _by_function(_: object, __: object) -> Part:
    """The function of its gate compares this key together with others."""
    return "patch"


RULES: Mapping[str, Mapping[str, Rule]] = {
    "model": {
        **dict.fromkeys(("name", "task"), "major"),
        **dict.fromkeys(("title", "noun", "action", "summary", "intended_use", "limits"), "patch"),
    },
    "target": {
        **dict.fromkeys(("column", "unit", "prefix"), "major"),
        **dict.fromkeys(("decimals", "transform"), "minor"),
        "label": "patch",
        "classes": _by_function,
    },
    "data": dict.fromkeys(("file", "identity", "group", "test_share", "split_salt"), "patch"),
    "section": dict.fromkeys(("name", "title", "help"), "patch"),
    "field": {
        **dict.fromkeys(("name", "choices", "feature"), _by_function),
        **dict.fromkeys(("column", "kind", "unit", "empty_cell"), "major"),
        **dict.fromkeys(("section", "label", "help", "trained", "example"), "patch"),
        "blank": "minor",
        "required": _required,
        "range": _range,
        "earliest": _earliest,
        "latest": _latest,
    },
    "derived": {
        **dict.fromkeys(("name", "expression"), _by_function),
        **dict.fromkeys(("label", "unit"), "patch"),
    },
    "estimator": dict.fromkeys(("seed", "linear", "boosting", "forest"), "patch"),
    "linear": dict.fromkeys(("weight", "alpha", "category_scale"), "patch"),
    "boosting": dict.fromkeys(("weight", "trees", "learning_rate", "leaves", "rows_per_leaf", "l2"), "patch"),
    "forest": dict.fromkeys(("weight", "trees", "rows_per_leaf", "features"), "patch"),
    "interval": {"level": "major", **dict.fromkeys(("folds", "adaptive"), "patch")},
    "slice": dict.fromkeys(("name", "label", "where"), "patch"),
    "behaviour": dict.fromkeys(("name", "field", "change", "amount", "expect", "tolerance", "exceptions"), "patch"),
    "accept": dict.fromkeys(("finding", "column", "reason"), "patch"),
    "gates": dict.fromkeys(
        (
            *(
                "metric",
                "limits",
                "better_than_constant",
                "worse_than_baseline",
                "worse_than_live",
                "slice_limit",
                "slice_worse_than_live",
                "slice_rows",
            ),
            *("corner_reach", "size_ratio", "load_ratio", "latency_ratio"),
        ),
        "patch",
    ),
}
"""Every key of ``model.toml`` by its table."""
_FIELD_GATES = {"column": "columns", "required": "fields"}
"""Gate of a key of a field; of all others it is ``values``."""


def contract_gates(candidate: ModelSpec, live: ModelSpec, new: Version, old: Version) -> list[GateResult]:
    """Return one result per side of the contract; ``new`` and ``old`` are the versions of the candidate and the live release."""
    part: Part = "major" if new.major != old.major else "minor" if new.minor != old.minor else "patch"
    kinds: dict[str, Callable[[ModelSpec, ModelSpec], Changes]] = {
        "target": _target,
        "fields": _fields,
        "columns": _columns,
        "values": _values,
        "features": _features,
    }
    return [_result(f"contract.{name}", list(changes(candidate, live)), part, str(new)) for name, changes in kinds.items()]


def _result(name: str, changes: list[tuple[Part, str]], part: Part, version: str) -> GateResult:
    needed = max((_PARTS.index(need) for need, _ in changes), default=0)
    passed = needed <= _PARTS.index(part)
    said = "; ".join(what for _, what in changes[:5]) or "as in the live release"
    fix = "" if passed else f"; release it as a {_PARTS[needed]} version instead of {version}, or take the change back"
    limit = f"no change beyond what a {part} version may do"
    return GateResult(name=name, passed=passed, value=float(len(changes)), limit=limit, detail=f"{said}{fix}")


def _changed(table: str, subject: str, new: Table, old: Table) -> Iterator[tuple[str, Part, str]]:
    """The keys of a table whose values differ, each with the part of the version that it needs, and in words."""
    for key, rule in RULES[table].items():
        now, before = getattr(new, key), getattr(old, key)
        part = "patch" if now == before else rule if isinstance(rule, str) else rule(now, before)
        if part != "patch":
            yield key, part, f"{subject}: {key} {now!r:.80} instead of {before!r:.80}"


def _target(candidate: ModelSpec, live: ModelSpec) -> Changes:
    for table in ("model", "target", "interval"):
        for _, part, what in _changed(table, table, getattr(candidate, table), getattr(live, table)):
            yield part, what
    yield from _explained("target", candidate.target.classes, live.target.classes)
    if candidate.classes != live.classes:
        yield "major", f"target: classes {candidate.classes!r:.80} instead of {live.classes!r:.80}, the positive one last"


def _fields(candidate: ModelSpec, live: ModelSpec) -> Changes:
    for name in live.fields.keys() - candidate.fields.keys():
        yield "major", f"field '{name}' was dropped"
    for name, field in candidate.fields.items():
        if name not in live.fields:
            yield ("major" if field.required else "minor"), f"field '{name}' was added"
    yield from _field_keys(candidate, live, "fields")


def _shared(candidate: ModelSpec, live: ModelSpec) -> Iterator[tuple[FieldTable, FieldTable]]:
    return ((field, live.fields[name]) for name, field in candidate.fields.items() if name in live.fields)


def _field_keys(candidate: ModelSpec, live: ModelSpec, gate: str) -> Changes:
    for new, old in _shared(candidate, live):
        for key, part, what in _changed("field", f"field '{new.name}'", new, old):
            if _FIELD_GATES.get(key, "values") == gate:
                yield part, what


def _columns(candidate: ModelSpec, live: ModelSpec) -> Changes:
    return _field_keys(candidate, live, "columns")


def _values(candidate: ModelSpec, live: ModelSpec) -> Changes:
    yield from _field_keys(candidate, live, "values")
    for new, old in _shared(candidate, live):
        subject = f"field '{new.name}'"
        if gone := old.codes.keys() - new.codes.keys():
            yield "major", f"{subject}: choice {min(map(repr, gone))} is no longer accepted"
        elif new.codes.keys() != old.codes.keys():
            yield "minor", f"{subject}: more choices"
        now, before = ([choice for choice in one.codes if choice in new.codes.keys() & old.codes.keys()] for one in (new, old))
        if now != before and new.kind == "ordered":
            yield "major", f"{subject}: the choices stand in another order"
        yield from _explained(subject, new.choices, old.choices)


def _explained(subject: str, new: Sequence[tuple[Any, str]], old: Sequence[tuple[Any, str]]) -> Changes:
    """Choices that are explained in other words; words that another choice had give both another meaning."""
    before = dict(old)
    for choice, words in new:
        if choice in before and words != before[choice]:
            moved = words in before.values()
            yield ("major" if moved else "minor"), f"{subject}: {choice!r} means '{words:.80}' instead of '{before[choice]:.80}'"


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
