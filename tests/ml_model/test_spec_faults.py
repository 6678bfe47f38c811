import pytest

from tests.ml_model.trees import refusal


def test_all_faults_come_at_once(tree, parse):
    tree["model"]["task"] = "regresion"
    tree["target"]["decimals"] = "two"
    del tree["data"]["file"]
    tree["field"][0]["range"] = "0 to 10"
    tree["field"][1]["section"] = "mian"
    tree["field"][3]["choices"] = "gas, oil"
    tree["field"][4]["colour"] = "red"
    tree["field"][5]["name"] = "The grade"
    tree["field"][6]["latest"] = "2021-02-30"
    tree["derived"].append({"name": "odd", "label": "Odd", "expression": "lot +* 2"})
    error = refusal(parse, tree, faults=10)
    assert dict(error.faults) == {
        "model.task": "must be one of 'regression', 'binary' or 'multiclass'; got 'regresion'. Did you mean 'regression'?",
        "target.decimals": "must be a whole number, without quotes; got 'two': write decimals = 1",
        "data.file": 'is missing: write file = "…"',
        "field[area].range": "must be a list in brackets; got '0 to 10': write range = [0, 100]",
        "field[rooms].section": "there is no section 'mian'. Did you mean 'main'?",
        "field[heating].choices": "must be a list in brackets; got 'gas, oil': "
        'write choices = [["a", "Meaning of a"], ["b", "Meaning of b"]]',
        "field[cellar].colour": "unknown key. Did you mean 'column'?",
        "field[The grade].name": "has lower-case letters, digits and underscores, at most 63, and begins with a letter; "
        "got 'The grade': write name = \"the_grade\"",
        "field[sold]": "a field of kind date needs earliest and latest as YYYY-MM-DD; got '2021-02-30'",
        "derived[odd].expression": "expression 'lot +* 2': cannot be read; "
        "write for example 'log(living_area)' or 'sold - built'",
    }
    assert "Input should be" not in str(error)


def test_very_many_faults_are_counted(tree, parse):
    tree["field"] = [tree["field"][0] | {"name": f"f{number}", "column": f"c{number}", "section": "no"} for number in range(300)]
    tree["derived"] = []
    error = refusal(parse, tree, faults=300)
    assert len(str(error).splitlines()) == 52
    assert str(error).endswith("- and 250 more")


@pytest.mark.parametrize(
    ("key", "value", "words"),
    [
        ("field", {"name": "area"}, "is not written as a table: write a line [[field]] and its keys below it"),
        ("model", [{"name": "x"}], "is not written as a table: write a line [model] and its keys below it"),
        ("data", "houses.csv", "is not written as a table: write a line [data] and its keys below it"),
    ],
)
def test_tables_that_are_written_as_something_else(key, value, words, tree, parse):
    tree[key] = value
    assert (key, words) in refusal(parse, tree, faults=None).faults
