import re

import annotated_types
import pytest
from pydantic.fields import FieldInfo

from ml_model import tables as tables_module
from ml_model.spec import ModelSpec
from ml_model.tables import (
    BoostingTable,
    DataTable,
    DerivedTable,
    EstimatorTable,
    FieldTable,
    ForestTable,
    IntervalTable,
    LinearTable,
    ModelTable,
    SectionTable,
    TargetTable,
)
from tests.ml_model.trees import at, refusal

# Each table of model.toml: the way to it in the tree, and how a message names it.
TABLES = [
    ((), "", ModelSpec),
    (("model",), "model", ModelTable),
    (("target",), "target", TargetTable),
    (("data",), "data", DataTable),
    (("section", 0), "section[main]", SectionTable),
    (("field", 0), "field[area]", FieldTable),
    (("derived", 0), "derived[log_lot]", DerivedTable),
    (("estimator",), "estimator", EstimatorTable),
    (("estimator", "linear"), "estimator.linear", LinearTable),
    (("estimator", "boosting"), "estimator.boosting", BoostingTable),
    (("estimator", "forest"), "estimator.forest", ForestTable),
    (("interval",), "interval", IntervalTable),
]
KEYS = [
    pytest.param((way, named, name, info), id=f"{named or 'top'}:{name}")
    for way, named, table in TABLES
    for name, info in table.model_fields.items()
]


def key_of(named, name):
    # A table whose name is what is wrong is called by its position.
    prefix = named.partition("[")[0] + "[0]" if name == "name" and "[" in named else named
    return f"{prefix}.{name}" if prefix else name


def just_outside(info: FieldInfo) -> list[object]:
    """Values that break the limits of a key by as little as makes sense."""
    values: list[object] = []
    for limit in info.metadata:
        match limit:
            case annotated_types.Ge(ge=least):
                values.append(least - (1 if info.annotation is int else 1e-6))
            case annotated_types.Gt(gt=least):
                values.append(least)
            case annotated_types.Le(le=most):
                values.append(most + (1 if info.annotation is int else 1e-6))
            case annotated_types.MinLen(min_length=1):
                values.append([] if "tuple" in str(info.annotation) else "")
            case annotated_types.MaxLen(max_length=most):
                values.append("x" * (most + 1))
            case object(pattern=str()):
                values += ["", "Upper", "1st", "a b", "a" * 64, "ünicode", "a\n"]
    if info.annotation is float:
        values += [float("nan"), float("inf"), float("-inf")]
    return values


OUTSIDE = [
    pytest.param(key.values[0], value, id=f"{key.id}={str(value)[:12]!r}")
    for key in KEYS
    for value in just_outside(key.values[0][3])
]


def test_the_walk_reaches_every_table():
    tables = {one for one in vars(tables_module).values() if isinstance(one, type) and one.__name__.endswith("Table")}
    assert {table for _, _, table in TABLES} == (tables - {tables_module.Table}) | {ModelSpec}
    assert len(OUTSIDE) > 60


@pytest.mark.parametrize("key", KEYS)
def test_misspelt_key_is_named_with_the_nearest(key, tree, parse):
    way, named, name, _ = key
    table = at(tree, way)
    table[f"{name}s"] = table.get(name, 1)
    prefix = f"{named}." if named else ""
    error = refusal(parse, tree)
    assert error.key == f"{prefix}{name}s"
    assert f"unknown key. Did you mean '{name}'?" in str(error)


@pytest.mark.parametrize(("way", "named"), [(way, named) for way, named, _ in TABLES])
def test_unknown_key_like_no_other(way, named, tree, parse):
    at(tree, way)["zzzzzz"] = 1
    error = refusal(parse, tree)
    assert error.key == (f"{named}.zzzzzz" if named else "zzzzzz")
    assert str(error).endswith("unknown key. Leave it out.")


@pytest.mark.parametrize("key", KEYS)
def test_wrong_type_is_named(key, tree, parse):
    way, named, name, _ = key
    is_table = any(place == (*way, name) or place[:-1] == (*way, name) for place, _, _ in TABLES)
    # A table of gates that is not there takes another default than any other key, so a number stands for it too.
    at(tree, way)[name] = 5 if is_table or name == "gates" else {"odd": 1}
    assert refusal(parse, tree).key == key_of(named, name)


@pytest.mark.parametrize("key", [key for key in KEYS if key.values[0][3].annotation in (int, float, bool, str)])
def test_nothing_is_taken_for_another_type(key, tree, parse):
    way, named, name, info = key
    strangers = {int: [True, "1", 1.0], float: [True, "1"], bool: [1, "true"], str: [1, True]}
    for stranger in strangers[info.annotation]:
        at(tree, way)[name] = stranger
        error = refusal(parse, tree)
        assert error.key == key_of(named, name)
        assert f"got {str(stranger).lower() if isinstance(stranger, bool) else repr(stranger)}" in str(error)
        assert f": write {name} = " in str(error)


@pytest.mark.parametrize(("key", "value"), OUTSIDE)
def test_value_outside_of_its_limits_is_named(key, value, tree, parse):
    way, named, name, _ = key
    at(tree, way)[name] = value
    error = refusal(parse, tree)
    expected = key_of(named, name)
    if name == "name" and "[" in named and value.isprintable():
        expected = f"{named.partition('[')[0]}[{value}].name"
    assert error.key == expected


@pytest.mark.parametrize("key", [key for key in KEYS if key.values[0][3].is_required()])
def test_missing_key_is_named(key, tree, parse):
    way, named, name, _ = key
    del at(tree, way)[name]
    error = refusal(parse, tree)
    assert error.key == key_of(named, name)
    assert re.search(rf"is missing: write ({name} = |a line \[\[?{name}\]?\] and its keys below it$)", str(error))


@pytest.mark.parametrize("key", [key for key in KEYS if not key.values[0][3].is_required()])
def test_other_keys_have_a_default(key, tree, parse):
    way, _, name, _ = key
    at(tree, way).pop(name, None)
    if way == ("field", 0) and name in {"range", "trained", "required"}:
        assert refusal(parse, tree).key == "field[area]"
    else:
        assert parse(tree)
