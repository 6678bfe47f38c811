import math
import operator

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ml_model.errors import ExpressionError
from ml_model.expressions import parse

VOCABULARY = {
    "a": None,
    "b": None,
    "kind": {"none": 0, "small": 1, "large": 2},
    "min": None,
}
CODES = VOCABULARY["kind"]
ARITHMETIC = {"+": operator.add, "-": operator.sub, "*": operator.mul, "/": operator.truediv}
COMPARISON = {"<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge, "==": operator.eq, "!=": operator.ne}

# A generated expression is its text and a plain function of one row, where None is unknown.


def _known(function, *parts):
    """The value of a step on one row in plain Python; None where it is unknown or no number."""

    def value(row):
        values = [part(row) for part in parts]
        if None in values:
            return None
        try:
            result = function(*values)
        except (ZeroDivisionError, OverflowError, ValueError):
            return None
        return float(result) if not isinstance(result, complex) and math.isfinite(result) else None

    return value


def _constant(number):
    return repr(number), lambda row: float(number)


def _binary(symbol, function, left, right):
    return f"({left[0]} {symbol} {right[0]})", _known(function, left[1], right[1])


def _called(name, function, *parts):
    return f"{name}({', '.join(text for text, _ in parts)})", _known(function, *(value for _, value in parts))


numbers = st.sampled_from([0, 1, 2, 0.5, 10, 1e3, 1e200]).map(_constant)
names = st.sampled_from(["a", "b", "min"]).map(lambda name: (name, lambda row: row[name]))
tests_of_unknown = st.sampled_from(["a", "b", "kind"]).map(
    lambda name: (f"unknown({name})", lambda row: float(row[name] is None))
)
tests_of_none = st.just(("none(kind)", lambda row: float(row["kind"] == CODES["none"])))
tests_of_choice = st.builds(
    lambda symbol, choice: (
        f"(kind {symbol} '{choice}')",
        _known(lambda code: COMPARISON[symbol](code, CODES[choice]), lambda row: row["kind"]),
    ),
    st.sampled_from(sorted(COMPARISON)),
    st.sampled_from(sorted(CODES)),
)
leaves = st.one_of(names, numbers, tests_of_unknown, tests_of_none, tests_of_choice)


def _larger(inner):
    return st.one_of(
        st.builds(lambda symbol, x, y: _binary(symbol, ARITHMETIC[symbol], x, y), st.sampled_from("+-*/"), inner, inner),
        st.builds(
            lambda symbol, x, y: _binary(symbol, COMPARISON[symbol], x, y), st.sampled_from(sorted(COMPARISON)), inner, inner
        ),
        inner.map(lambda x: (f"(-{x[0]})", _known(operator.neg, x[1]))),
        st.builds(lambda x, y, z: _called("min", min, x, y, z), inner, inner, inner),
        st.builds(lambda x, y: _called("max", max, x, y), inner, inner),
    )


# Of these both languages give the same bits.
exact = st.recursive(leaves, _larger, max_leaves=7)
# Logarithms and powers may differ in the last bit, and so nothing is built on them.
inexact = st.one_of(
    exact.map(lambda x: _called("log", math.log, x)),
    st.builds(
        lambda x, power: (f"({x[0]}) ** {power}", _known(lambda v: v**power, x[1])),
        exact,
        st.sampled_from([1, 2, 3, 4, 0.5, 1.5]),
    ),
)
values = st.one_of(
    st.none(),
    st.integers(-9, 9).map(float),
    st.floats(-1e6, 1e6),
    st.sampled_from([0.0, -0.0, 1e200, -1e200, 5e-324]),
)
rows_of_values = st.lists(
    st.fixed_dictionaries({"a": values, "b": values, "min": values, "kind": st.sampled_from([None, 0.0, 1.0, 2.0])}),
    min_size=1,
    max_size=5,
)


def columns_of(rows):
    return {name: np.array([np.nan if row[name] is None else row[name] for row in rows]) for name in VOCABULARY}


@given(exact, rows_of_values)
def test_agrees_with_plain_python(expression, rows):
    source, reference = _binary("+", operator.add, expression, ("a", lambda row: row["a"]))
    found = parse(source, VOCABULARY).evaluate(columns_of(rows))
    assert [None if np.isnan(one) else one for one in found] == [reference(row) for row in rows]


@given(inexact, rows_of_values)
def test_logarithms_and_powers_agree_with_plain_python(expression, rows):
    source, reference = f"{expression[0]} + 0 * unknown(a)", expression[1]
    found = parse(source, VOCABULARY).evaluate(columns_of(rows))
    for one, expected in zip(found, (reference(row) for row in rows), strict=True):
        assert (None if np.isnan(one) else float(one)) == (
            None if expected is None else pytest.approx(expected, rel=1e-14, abs=1e-300)
        )


@given(st.one_of(exact, inexact), rows_of_values)
def test_all_at_once_is_one_by_one(expression, rows):
    derived = parse(f"{expression[0]} + 0 * unknown(a)", VOCABULARY)
    together = derived.evaluate(columns_of(rows))
    assert together.shape == (len(rows),)
    assert together.dtype == np.float64
    assert not np.isinf(together).any()
    singly = np.concatenate([derived.evaluate(columns_of([row])) for row in rows])
    assert together.tobytes() == singly.tobytes()
    plain = [{name: math.nan if value is None else value for name, value in row.items()} for row in rows]
    np.testing.assert_array_equal([derived.evaluate_one(row) for row in plain], together)


EDGES = [math.nan, -0.0, 0.0, 1.0, -1.0, 2.0, 1 / 3, -7.5, 1e3, 1e200, -1e200, 1.7e308, 5e-324, -5e-324]


@pytest.mark.parametrize(
    "source",
    [
        *(f"a {symbol} b" for symbol in (*ARITHMETIC, *COMPARISON)),
        *("min(a, b)", "max(a, b)", "min(a, b, 1)", "max(1, a, b)", "-a - b", "log(a) - b", "log(a * b)", "log(-a) + b"),
        *(f"a ** {power} + 0 * b" for power in (1, 2, 3, 4, 0.5, 1.5, 2.5, 0.25)),
        *(
            "(a - b) ** 2",
            "(a / b) ** 0.5",
            "(a * b) ** 3",
            "a / b > 1",
            "a / b < 1",
            "a * b >= b",
            "min(a / b, 1)",
            "max(1, a * b)",
        ),
        *(
            "unknown(a) + b",
            "none(kind) + a",
            "(kind == 'large') * a - b",
            "(kind != 'none') + a",
            "2 ** 0.5 * a + b",
            "a - 1e308 - b",
        ),
    ],
)
def test_one_record_gets_what_its_column_does_at_every_edge(source):
    derived = parse(source, VOCABULARY)
    rows = [
        {"a": a, "b": b, "kind": kind, "min": 0.0}
        for a in EDGES
        for b in EDGES
        for kind in (math.nan, *map(float, CODES.values()))
    ]
    together = derived.evaluate({name: np.array([row[name] for row in rows]) for name in VOCABULARY})
    alone = [derived.evaluate_one(row) for row in rows]
    assert all(type(one) is float for one in alone)
    assert not np.isinf(alone).any()
    np.testing.assert_array_equal(alone, together)


@pytest.mark.parametrize("source", ["log(a)", "a ** 3", "a ** 1.5", "a ** 0.5", "a ** 4", "a ** 2"])
def test_one_record_gets_the_last_bit_of_its_column(source):
    derived = parse(source, VOCABULARY)
    values = np.random.default_rng(2).uniform(0, 5000, 20_000)
    alone = np.array([derived.evaluate_one({"a": value}) for value in values.tolist()])
    assert alone.tobytes() == derived.evaluate({"a": values}).tobytes()


def value_of(source, **given_values):
    row = {"a": None, "b": None, "kind": None, "min": None} | given_values
    result = parse(source, VOCABULARY).evaluate(columns_of([row]))[0]
    return None if np.isnan(result) else float(result)


@pytest.mark.parametrize(
    ("source", "given_values", "expected"),
    [
        ("a - b", {"a": 3.0}, None),
        ("a < b", {"a": 3.0}, None),
        ("a == a", {}, None),
        ("a != a", {}, None),
        ("min(a, b)", {"a": 3.0}, None),
        ("max(a, b, 1)", {"a": 3.0}, None),
        ("a * 0", {}, None),
        ("kind == 'small'", {}, None),
        ("kind == 'small'", {"kind": 1.0}, 1.0),
        ("kind != 'small'", {"kind": 1.0}, 0.0),
        ("unknown(a)", {}, 1.0),
        ("unknown(a)", {"a": 0.0}, 0.0),
        ("unknown(kind)", {"kind": 0.0}, 0.0),
        ("none(kind)", {"kind": 0.0}, 1.0),
        ("none(kind)", {"kind": 1.0}, 0.0),
        ("none(kind)", {}, 0.0),
    ],
)
def test_unknown_and_none(source, given_values, expected):
    assert value_of(source, **given_values) == expected


@pytest.mark.parametrize(
    "source",
    [
        "log(a)",
        "log(a - 1)",
        "1 / a",
        "a / a",
        "1 / a > 5",
        "log(a) < 0",
        "max(log(a), 5)",
        "1 / (1 / a)",
        "(a - 1) ** 0.5",
        "(a + 1e200) * 1e200 > 1",
        "(a + 1e200) ** 2 > 1",
        "-(1 / a)",
    ],
)
def test_what_has_no_value_is_unknown_at_every_step(source):
    assert value_of(source, a=0.0) is None


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("a + b * 2", 13.0),
        ("(a + b) * 2", 16.0),
        ("-a ** 2", -9.0),
        ("a - b - 1", -3.0),
        ("b / a / 5", 1 / 3),
        ("log(a)", math.log(3)),
        ("min(a, b, 1)", 1.0),
        ("max(a, b, 1)", 5.0),
        ("(a < b) + (a > b) * 10", 1.0),
        ("  a + b  ", 8.0),
        ("a ** 0.5", math.sqrt(3)),
        ("1e2 * a", 300.0),
    ],
)
def test_values(source, expected):
    assert value_of(source, a=3.0, b=5.0) == pytest.approx(expected, rel=1e-15, abs=0)


def test_a_field_may_be_called_as_a_function_is():
    derived = parse("min + min(a, 1)", VOCABULARY)
    assert derived.names == {"min", "a"}
    assert value_of("min + min(a, 1)", min=2.0, a=5.0) == 3.0


@pytest.mark.parametrize(
    ("source", "names"),
    [
        ("a", {"a"}),
        ("log(a) - b", {"a", "b"}),
        ("unknown(kind)", {"kind"}),
        ("kind == 'small'", {"kind"}),
        ("none(kind) * a", {"kind", "a"}),
    ],
)
def test_names_the_fields_that_it_reads(source, names):
    assert parse(source, VOCABULARY).names == names


@pytest.mark.parametrize(
    ("source", "problem"),
    [
        ("a.real", "not part of the language"),
        ("a.__class__", "not part of the language"),
        ("a[0]", "not part of the language"),
        ("lambda: a", "not part of the language"),
        ("a if a else b", "not part of the language"),
        ("[a]", "not part of the language"),
        ("(a, b)", "not part of the language"),
        ("{a}", "not part of the language"),
        ("[x for x in a]", "not part of the language"),
        ("f'{a}'", "not part of the language"),
        ("(a := 1)", "not part of the language"),
        ("a and b", "not part of the language"),
        ("not a", "not part of the language"),
        ("~a", "not part of the language"),
        ("+a", "not part of the language"),
        ("a // b", "not part of the language"),
        ("a % b", "not part of the language"),
        ("a @ b", "not part of the language"),
        ("a << 2", "not part of the language"),
        ("a | b", "not part of the language"),
        ("a < b < 1", "not part of the language"),
        ("a in b", "not part of the language"),
        ("a is b", "not part of the language"),
        ("'small' == kind", "not part of the language"),
        ("'small'", "not part of the language"),
        ("None", "not part of the language"),
        ("...", "not part of the language"),
        ("1j * a", "not part of the language"),
        ("b'small'", "not part of the language"),
        ("min(*a)", "is used as"),
        ("log(x=a)", "not part of the language"),
        ("a()", "there is no function 'a'"),
        ("a.b()", "not part of the language"),
        ("(lambda: a)()", "not part of the language"),
        ("__import__('os')", "there is no function '__import__'"),
        ("exec('1')", "there is no function 'exec'"),
        ("lgo(a)", "Did you mean 'log'?"),
        ("log()", "is used as log(x)"),
        ("log(a, b)", "is used as log(x)"),
        ("min(a)", "is used as log(x)"),
        ("unknown(a + b)", "is used as log(x)"),
        ("unknown(1)", "is used as log(x)"),
        ("none(a + b)", "is used as log(x)"),
        ("none(a)", "field 'a' has no choice 'none'"),
        ("c", "'c' is not a field"),
        ("kinds == 'small'", "Did you mean 'kind'?"),
        ("unknown(kinds)", "Did you mean 'kind'?"),
        ("log", "'log' is not a field"),
        ("a == 'small'", "field 'a' has no choice 'small'"),
        ("kind == 'smal'", "Did you mean 'small'?"),
        ("kind + 'small'", "not part of the language"),
        ("log('small')", "not part of the language"),
        ("a == True", "True and False"),
        ("a ** True", "an exponent is a constant"),
        ("a ** 0", "an exponent is a constant"),
        ("a ** 5", "an exponent is a constant"),
        ("a ** 1e9", "an exponent is a constant"),
        ("a ** -1", "an exponent is a constant"),
        ("a ** b", "an exponent is a constant"),
        ("2 ** 2 ** 2 ** a", "an exponent is a constant"),
        ("a + 1e999", "a number is too large"),
        pytest.param("a + 1" + "0" * 400, "a number is too large", id="400 digits"),
        ("1 + 1", "reads no field"),
        pytest.param("(" * 240 + "a" + ")" * 240, "cannot be read", id="240 brackets"),
        pytest.param("-" * 490 + "a", "too many parts", id="490 signs"),
        pytest.param("~" * 490 + "a", "too many parts", id="490 tildes"),
        pytest.param("a" + "+a" * 240, "too many parts", id="240 sums"),
        pytest.param("a" + " " * 500, "longer than 500", id="500 spaces"),
        ("", "cannot be read"),
        ("a +", "cannot be read"),
        ("a b", "cannot be read"),
        ("a = 1", "cannot be read"),
        ("a; b", "cannot be read"),
        ("a\nb", "cannot be read"),
        ("import os", "cannot be read"),
        ("a\x00", "cannot be read"),
        ("a + \ud800", "cannot be read"),
        ("class", "cannot be read"),
    ],
)
def test_refuses_what_is_not_in_the_language(source, problem):
    with pytest.raises(ExpressionError) as refused:
        parse(source, VOCABULARY)
    assert problem in str(refused.value)


@given(st.text(alphabet="ab kind'small'+-*/<>=().,0123[]{}:!_ log min", max_size=40))
def test_any_text_is_read_or_refused(source):
    try:
        derived = parse(source, VOCABULARY)
    except ExpressionError:
        return
    result = derived.evaluate(columns_of([{"a": 1.0, "b": 0.0, "kind": None, "min": 2.0}] * 2))
    assert result.shape == (2,)
    assert derived.names <= VOCABULARY.keys()
