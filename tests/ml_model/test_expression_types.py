import pytest

from ml_model.spec import parse_spec
from tests.ml_model.trees import refusal

GRADE_OF_5 = {"choices": [[one, str(one)] for one in (1, 2, 3, 4, 5)], "example": 3}


@pytest.mark.parametrize(
    ("expression", "problem"),
    [
        ("grade == 5", "'grade' is compared with one of its choices, in quotes: grade == '5'"),
        ("5 == grade", "grade == '5'"),
        ("3 < grade", "in quotes: grade > '3'"),
        ("grade <= -1", "in quotes: grade <= '1'"),
        ("grade != rooms", "in quotes: grade != '1'"),
        ("(grade == 5) * area", "grade == '5'"),
        ("max(rooms < 2, grade >= 4)", "grade >= '4'"),
        ("min(grade, 3)", "'grade' counts from 0 here and not by its choices"),
        ("log(grade)", "'grade' counts from 0 here and not by its choices"),
        ("heating * 2", "'heating' is a category without an order and no number; compare it: heating == 'gas'"),
        ("-heating", "'heating' is a category without an order"),
        ("area + heating", "'heating' is a category without an order"),
        ("heating ** 2", "'heating' is a category without an order"),
        ("log(heating)", "'heating' is a category without an order"),
        ("max(area, heating)", "'heating' is a category without an order"),
        ("heating", "'heating' is a category without an order"),
        ("heating >= 'oil'", "the choices of 'heating' have no order; write heating == 'gas', or make it kind = \"ordered\""),
        ("heating < heating", "the choices of 'heating' have no order"),
        ("heating == 1", "in quotes: heating == 'gas'"),
        ("heating == cellar", "in quotes: heating == 'gas'"),
        ("(heating + 1) > 2", "'heating' is a category without an order"),
    ],
)
@pytest.mark.parametrize("where", ["derived[log_lot].expression", "slice[some].where"])
def test_choices_are_no_numbers(expression, problem, where, *, tree, to_toml):
    tree["field"][5] |= GRADE_OF_5
    if where.startswith("derived"):
        tree["derived"][0]["expression"] = expression
    else:
        tree["slice"] = [{"name": "some", "label": "Some", "where": expression}]
    error = refusal(parse_spec, to_toml(tree))
    assert error.key == where
    assert problem in str(error)
    # A spec that was released once computes as it did then.
    assert parse_spec(to_toml(tree), released=True)


@pytest.mark.parametrize(
    "expression",
    [
        "grade == '5'",
        "grade >= '2'",
        "grade + 1",
        "(grade + 1) * log(area)",
        "grade == grade",
        "heating == 'gas'",
        "heating != heating",
        "unknown(heating) + none(cellar)",
        "max(heating == 'gas', heating == 'oil')",
        "garden * area",
        "sold - 3",
        "(grade == '5') == 1",
    ],
)
def test_choices_are_compared_and_ranks_are_numbers(expression, tree, parse):
    tree["field"][5] |= GRADE_OF_5
    tree["derived"][0]["expression"] = expression
    assert parse(tree)
