import pytest

from ml_model.acceptance import ACCEPTANCE
from tests.ml_model.test_tables import just_outside
from tests.ml_model.trees import at, refusal

WAYS = {"slice": ("slice", 0), "behaviour": ("behaviour", 0), "gates": ("gates",), "accept": ("accept", 0)}
NAMED = {"slice": "slice[large]", "behaviour": "behaviour[more_area]", "gates": "gates", "accept": "accept[0]"}
KEYS = [
    pytest.param((table, name, info), id=f"{table}:{name}")
    for table, kind in ACCEPTANCE.items()
    for name, info in kind.model_fields.items()
]
OUTSIDE = [
    pytest.param(key.values[0], value, id=f"{key.id}={str(value)[:12]!r}")
    for key in KEYS
    for value in just_outside(key.values[0][2])
]


@pytest.fixture
def tree(tree):
    tree["slice"] = [{"name": "large", "label": "Large", "where": "area > 1500"}]
    tree["behaviour"] = [{"name": "more_area", "field": "area", "change": "multiply", "amount": 1.1, "expect": "not_lower"}]
    tree["gates"] = {"metric": "rmsle", "limits": {"rmsle": [0, 1]}}
    tree["accept"] = [{"finding": "leakage", "column": "Area", "reason": "It is known before the sale."}]
    return tree


def key_of(table, name):
    return f"{table}[0].name" if name == "name" else f"{NAMED[table]}.{name}"


def test_the_tables_are_read(tree, parse):
    spec = parse(tree)
    assert spec.gates.limits == {"rmsle": (0.0, 1.0)}
    assert spec.slices.keys() == {"large"}
    assert len(OUTSIDE) > 20


@pytest.mark.parametrize("key", KEYS)
def test_misspelt_key_is_named_with_the_nearest(key, tree, parse):
    table, name, _ = key
    at(tree, WAYS[table])[f"{name}s"] = 1
    error = refusal(parse, tree)
    assert error.key == f"{NAMED[table]}.{name}s"
    assert f"unknown key. Did you mean '{name}'?" in str(error)


@pytest.mark.parametrize("table", ACCEPTANCE)
def test_unknown_key_like_no_other(table, tree, parse):
    at(tree, WAYS[table])["zzzzzz"] = 1
    error = refusal(parse, tree)
    assert (error.key, str(error).endswith("unknown key. Leave it out.")) == (f"{NAMED[table]}.zzzzzz", True)


@pytest.mark.parametrize("key", KEYS)
@pytest.mark.parametrize("stranger", [{"odd": "x"}, [["odd"]]])
def test_wrong_type_is_named(key, stranger, tree, parse):
    table, name, _ = key
    at(tree, WAYS[table])[name] = stranger
    # One member of a dictionary is named with its own key.
    assert refusal(parse, tree).key.startswith(key_of(table, name))


@pytest.mark.parametrize(("key", "value"), OUTSIDE)
def test_value_outside_of_its_limits_is_named(key, value, tree, parse):
    table, name, _ = key
    at(tree, WAYS[table])[name] = value
    expected = f"{table}[{value}].name" if name == "name" and value.isprintable() else key_of(table, name)
    assert refusal(parse, tree).key == expected


@pytest.mark.parametrize("key", KEYS)
def test_missing_key_is_named_or_has_a_default(key, tree, parse):
    table, name, info = key
    at(tree, WAYS[table]).pop(name, None)
    if info.is_required():
        error = refusal(parse, tree)
        assert (error.key, f"is missing: write {name} = " in str(error)) == (key_of(table, name), True)
    else:
        assert parse(tree)


@pytest.mark.parametrize(
    ("table", "change", "problem"),
    [
        ("gates", {"metric": "rmslee"}, "no metric 'rmslee' for this task. Did you mean 'rmsle'?"),
        ("gates", {"metric": "log_loss"}, "no metric 'log_loss' for this task"),
        ("gates", {"metric": "coverage"}, "'coverage' is no loss; use one of rmsle, rmse, mae"),
        ("gates", {"limits": {"covrage": [0, 1]}}, "no metric 'covrage' for this task. Did you mean 'coverage'?"),
        ("gates", {"limits": {"rmsle": [1, 0]}}, "limits.rmsle: the least number comes first"),
        ("slice", {"where": "aera > 1500"}, "'aera' is not a field. Did you mean 'area'?"),
        ("slice", {"where": "heating == 'goal'"}, "has no choice 'goal'"),
        ("behaviour", {"field": "aera"}, "behaviour[more_area].field: there is no field 'aera'. Did you mean 'area'?"),
        ("behaviour", {"field": "heating"}, "'multiply' needs a field that is a number"),
        ("behaviour", {"amount": "gas"}, "and a number as amount"),
        ("behaviour", {"amount": True}, "and a number as amount"),
        ("behaviour", {"field": "heating", "change": "set", "amount": "coal"}, "field 'heating' has no choice 'coal'"),
        ("behaviour", {"change": "set", "amount": 10001}, "field 'area' cannot be 10001"),
        ("behaviour", {"change": "set", "amount": "much"}, "field 'area' cannot be 'much'"),
        ("behaviour", {"field": "garden", "change": "set", "amount": "yes"}, "field 'garden' cannot be 'yes'"),
        ("behaviour", {"field": "sold", "change": "set", "amount": "1812-01-01"}, "field 'sold' cannot be '1812-01-01'"),
    ],
)
def test_values_that_do_not_fit_the_rest_are_named(table, change, problem, tree, parse):
    at(tree, WAYS[table]).update(change)
    assert problem in str(refusal(parse, tree))


@pytest.mark.parametrize(("field", "amount"), [("area", 900), ("garden", True), ("sold", "2020-01-01"), ("heating", "oil")])
def test_values_that_fit_are_accepted(field, amount, tree, parse):
    tree["behaviour"][0] |= {"field": field, "change": "set", "amount": amount}
    assert parse(tree).behaviour[0].amount == amount
