"""What is different between two releases, by their manifests and their contracts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ml_model.artifacts import Manifest
from ml_model.spec import ModelSpec


@dataclass(frozen=True, kw_only=True, slots=True)
class Change:
    """One thing that differs."""

    kind: str
    """``field``, ``derived feature``, ``hyperparameter``, ``data``, ``library`` or ``code``."""
    name: str
    before: str
    """Empty where it was not there."""
    after: str
    """Empty where it is not there any more."""


def changes_between(before: Manifest, after: Manifest, specs: tuple[ModelSpec, ModelSpec] | None = None) -> list[Change]:
    """Return what differs from ``before`` to ``after``; fields and derived features where their ``specs`` are at hand."""
    found = [] if specs is None else list(_contract(*specs))
    if specs is None and before.spec_sha256 != after.spec_sha256:
        found += _compared("contract", {"model.toml": before.spec_sha256}, {"model.toml": after.spec_sha256})
    told, tells = (
        _hyperparameters(manifest, spec) for manifest, spec in zip((before, after), specs or (None, None), strict=True)
    )
    # A bundle of before they were recorded would otherwise seem to have changed every one of them.
    if told and tells:
        found += _compared("hyperparameter", told, tells)
    found += _compared("data", _data(before), _data(after))
    found += _compared("library", {"Python": before.python, **before.libraries}, {"Python": after.python, **after.libraries})
    found += _compared("code", {"commit": before.code.commit}, {"commit": after.code.commit})
    return found


def _hyperparameters(manifest: Manifest, spec: ModelSpec | None) -> dict[str, str]:
    tree = manifest.hyperparameters
    if spec is not None and not tree:
        tree = {"estimator": spec.estimator.model_dump(mode="json"), "interval": spec.interval.model_dump(mode="json")}
    return dict(flat(tree))


def flat(tree: Mapping[str, Any], way: str = "") -> Iterator[tuple[str, str]]:
    """Return the leaves of nested tables, each by its dotted key; what is absent (None) is left out.

    >>> dict(flat({"estimator": {"seed": 7, "linear": {"alpha": 1.0}, "forest": None}}))
    {'estimator.seed': '7', 'estimator.linear.alpha': '1.0'}
    """
    for key, value in tree.items():
        if isinstance(value, Mapping):
            yield from flat(value, f"{way}{key}.")
        elif value is not None:
            yield f"{way}{key}", str(value)


def _data(manifest: Manifest) -> dict[str, str]:
    data = manifest.data
    rows = {"rows": data.rows, "rows to learn from": data.train_rows, "test rows": data.test_rows}
    return {"file": data.file, "SHA-256": data.sha256, **{name: f"{count:,}" for name, count in rows.items()}}


def _contract(before: ModelSpec, after: ModelSpec) -> Iterator[Change]:
    for name in dict.fromkeys([*before.fields, *after.fields]):
        old, new = before.fields.get(name), after.fields.get(name)
        if old is None or new is None:
            field = old or new
            label = field.label if field else name
            yield Change(kind="field", name=name, before=label if old else "", after=label if new else "")
        else:
            was, is_ = old.model_dump(), new.model_dump()
            yield from _compared("field", *({f"{name}.{key}": str(one[key]) for key in one} for one in (was, is_)))
    yield from _compared("derived feature", *({one.name: one.expression for one in spec.derived} for spec in (before, after)))


def _compared(kind: str, before: Mapping[str, str], after: Mapping[str, str]) -> list[Change]:
    names = dict.fromkeys([*before, *after])
    pairs = [(name, before.get(name, ""), after.get(name, "")) for name in names]
    return [Change(kind=kind, name=name, before=old, after=new) for name, old, new in pairs if old != new]
