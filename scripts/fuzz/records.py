"""Records drawn from the JSON Schema of the live release: valid ones, ends of the ranges, and mutations."""

from __future__ import annotations

import random
from typing import Any

from scripts.fuzz.values import Pairs, any_text, any_value

Schema = dict[str, Any]


class Records:
    """Makes records that the contract accepts, and others that it should refuse."""

    def __init__(self, schema: Schema) -> None:
        self.names: list[str] = list(schema["properties"])
        self._required = set(schema.get("required", self.names))
        self._kinds: dict[str, Schema] = {name: _kind(part) for name, part in schema["properties"].items()}
        self._examples = {name: part.get("examples", ["x"])[0] for name, part in schema["properties"].items()}

    def valid(self, rng: random.Random) -> dict[str, Any]:
        """Return a valid record: each value anywhere in its range, often at an end; optional ones are often left out."""
        ends = rng.choice((0.0, 0.2, 1.0))
        kept = [name for name in self.names if name in self._required or rng.random() < 0.5]
        return {name: self.value(name, rng, ends) for name in kept}

    def value(self, name: str, rng: random.Random, ends: float = 0.2) -> Any:
        """Return a valid value of a field: an end of its range with probability ``ends``."""
        kind = self._kinds[name]
        if "enum" in kind:
            return rng.choice(kind["enum"])
        if kind.get("type") == "boolean":
            return rng.random() < 0.5
        if kind.get("type") == "string":
            return self._examples[name]
        low, high = kind.get("minimum", -1e308), kind.get("maximum", 1e308)
        drawn = rng.choice((low, high)) if rng.random() < ends else rng.uniform(low, high)
        return round(drawn) if kind.get("type") == "integer" else drawn

    def mutated(self, rng: random.Random) -> Any:
        """Return a record with one to four faults, or with none."""
        record = self.valid(rng)
        for _ in range(rng.randrange(5)):
            name = rng.choice(self.names)
            match rng.randrange(6):
                case 0:
                    record.pop(name, None)
                case 1:
                    record[any_text(rng)] = any_value(rng)
                case 2:
                    return Pairs([*record.items(), (name, record.get(name))])
                case 3:
                    record[rng.choice((name + "s", name[:-1], name.upper()))] = any_value(rng)
                case _:
                    record[name] = any_value(rng)
        return record


def _kind(part: Schema) -> Schema:
    """Return what a property holds when it is known: the branch that is not null."""
    return next((branch for branch in part.get("anyOf", []) if branch.get("type") != "null"), part)
