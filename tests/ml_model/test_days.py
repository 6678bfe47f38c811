import pytest

from ml_model.spec import parse_spec
from tests.ml_model.trees import refusal


@pytest.mark.parametrize(
    ("earliest", "latest", "days"),
    [
        ("2020-1-5", "2024-9-30", ("2020-01-05", "2024-09-30")),
        ("2020-01-5", "2020-1-6", ("2020-01-05", "2020-01-06")),
        ("0001-1-1", "9999-12-31", ("0001-01-01", "9999-12-31")),
    ],
)
def test_days_are_padded(earliest, latest, days, tree, parse):
    tree["field"][6] |= {"earliest": earliest, "latest": latest, "example": days[0]}
    field = parse(tree).fields["sold"]
    assert (field.earliest, field.latest) == days


def test_days_of_toml(tree, to_toml):
    text = to_toml(tree).replace('"1990-01-01"', "1990-01-01").replace('"2010-06-15"', "2010-06-15")
    field = parse_spec(text).fields["sold"]
    assert (field.earliest, field.example) == ("1990-01-01", "2010-06-15")


@pytest.mark.parametrize(
    "day", ["2021-02-30", "12021-01-05", "999-01-05", "2021/01/05", "2021-01-05T00:00", "20210105", "1" * 5000]
)
@pytest.mark.parametrize("key", ["earliest", "latest"])
def test_what_is_no_day(day, key, tree, parse):
    tree["field"][6][key] = day
    assert "needs earliest and latest as YYYY-MM-DD; got " in str(refusal(parse, tree))


@pytest.mark.parametrize("day", ["2021-02-30", "2021-2-3", "1989-12-31", "2031-01-01"])
def test_days_of_examples_and_behaviours_are_days(day, tree, parse):
    tree["behaviour"] = [{"name": "b", "field": "sold", "change": "set", "amount": day, "expect": "same"}]
    assert refusal(parse, tree).key == "behaviour[b].amount"
    tree["behaviour"] = []
    tree["field"][6]["example"] = day
    assert refusal(parse, tree).key == "field[sold].example"
