import copy

import pytest

from ml_model.acceptance import ACCEPTANCE
from ml_model.contract import RULES, contract_gates
from ml_model.spec import ModelSpec
from ml_model.tables import TABLES
from ml_model.versions import parse as version


def failed(parse, tree, change, new):
    before = parse(tree)
    change(tree)
    gates = contract_gates(parse(tree), before, version(new), version("1.0.0"))
    return {gate.name: gate.detail for gate in gates if not gate.passed}


def field(tree, name):
    return next(one for one in tree["field"] if one["name"] == name)


def explain(tree, name, *pairs):
    """Give choices other words, a choice and its words."""
    words = dict(zip(pairs[::2], pairs[1::2], strict=True))
    for choice in field(tree, name)["choices"]:
        choice[1] = words.get(choice[0], choice[1])


CHANGES = [
    ("fields", "major", lambda tree: tree["field"].pop(2), "field 'garden' was dropped"),
    ("fields", "major", lambda tree: field(tree, "grade").update(required=True), "field 'grade': required True instead of False"),
    (
        "fields",
        "minor",
        lambda tree: field(tree, "rooms").update(required=False),
        "field 'rooms': required False instead of True",
    ),
    (
        "columns",
        "major",
        lambda tree: field(tree, "rooms").update(column="Rums"),
        "field 'rooms': column 'Rums' instead of 'Rooms'",
    ),
    ("values", "major", lambda tree: field(tree, "area").update(unit="m²"), "unit 'm²' instead of 'sq ft'"),
    (
        "values",
        "major",
        lambda tree: field(tree, "area").update(kind="integer", example=1500),
        "kind 'integer' instead of 'number'",
    ),
    ("values", "major", lambda tree: field(tree, "heating")["choices"].pop(), "choice 'wood' is no longer accepted"),
    ("values", "minor", lambda tree: field(tree, "heating")["choices"].append(["sun", "Sun"]), "more choices"),
    ("values", "major", lambda tree: field(tree, "area").update(range=[400, 10000]), "range (400.0, 10000.0) instead of"),
    ("values", "minor", lambda tree: field(tree, "area").update(range=[0, 20000]), "range (0.0, 20000.0) instead of"),
    ("values", "major", lambda tree: field(tree, "sold").update(earliest="1995-01-01"), "earliest '1995-01-01' instead of '1990"),
    ("values", "minor", lambda tree: field(tree, "sold").update(latest="2031-01-01"), "latest '2031-01-01' instead of '2030"),
    ("features", "minor", lambda tree: tree["derived"].pop(), "feature 'area_unknown' was dropped"),
    ("features", "minor", lambda tree: field(tree, "lot").update(feature=True), "feature 'lot' was added"),
    ("features", "minor", lambda tree: tree["derived"][0].update(expression="log(lot + 1)"), "in another way"),
    ("features", "minor", lambda tree: tree["derived"].reverse(), "another order"),
    ("target", "major", lambda tree: tree["target"].update(unit="dollars"), "target: unit 'dollars' instead of 'euros'"),
    ("target", "major", lambda tree: tree["target"].update(column="Cost"), "target: column 'Cost' instead of 'Price'"),
    ("target", "major", lambda tree: tree["target"].update(prefix="£"), "target: prefix '£' instead of ''"),
    ("target", "major", lambda tree: tree["model"].update(name="large-houses"), "model: name 'large-houses' instead of"),
    ("target", "major", lambda tree: tree["interval"].update(level=0.5), "interval: level 0.5 instead of 0.9"),
    ("target", "minor", lambda tree: tree["target"].update(transform="none"), "target: transform 'none' instead of 'log'"),
    ("target", "minor", lambda tree: tree["target"].update(decimals=2), "target: decimals 2 instead of 0"),
    (
        "values",
        "major",
        lambda tree: field(tree, "cellar").update(empty_cell="unknown"),
        "empty_cell 'unknown' instead of 'none'",
    ),
    ("values", "minor", lambda tree: field(tree, "area").update(blank="It is guessed."), "blank 'It is guessed.' instead of"),
    ("values", "major", lambda tree: field(tree, "grade")["choices"].reverse(), "the choices stand in another order"),
    ("values", "minor", lambda tree: explain(tree, "grade", 1, "Awful"), "1 means 'Awful' instead of 'Poor'"),
    ("values", "major", lambda tree: explain(tree, "grade", 1, "Good", 3, "Poor"), "1 means 'Good' instead of 'Poor'"),
    ("values", "minor", lambda tree: field(tree, "grade")["choices"].insert(1, [4, "So so"]), "more choices"),
    ("features", "minor", lambda tree: field(tree, "heating")["choices"].reverse(), "'heating' is computed in another way"),
    ("features", "minor", lambda tree: tree["derived"][1].update(name="not_measured"), "feature 'not_measured' was added"),
]
PARTS = {"patch": "1.0.1", "minor": "1.1.0", "major": "2.0.0-rc.1"}


@pytest.mark.parametrize(("side", "needed", "change", "said"), CHANGES)
def test_a_change_needs_its_version(side, needed, change, said, *, tree, parse):
    for part, number in PARTS.items():
        found = failed(parse, copy.deepcopy(tree), change, number)
        if list(PARTS).index(part) >= list(PARTS).index(needed):
            assert found == {}
        else:
            assert said in found[f"contract.{side}"]
            assert f"release it as a {needed} version instead of {number}" in found[f"contract.{side}"]


def test_a_required_field_more_is_a_major_change_and_an_optional_one_a_minor(tree, parse):
    def add(required):
        return lambda tree: tree["field"].append(
            {"name": "floors", "column": "Floors", "kind": "integer", "section": "main", "label": "Floors"}
            | {"range": [0, 9], "trained": [1, 3], "example": 2, "required": required}
        )

    assert "contract.fields" in failed(parse, copy.deepcopy(tree), add(True), "1.1.0")
    assert failed(parse, copy.deepcopy(tree), add(False), "1.1.0") == {}


@pytest.mark.parametrize(
    ("classes", "needed", "said"),
    [
        ([["good", "Good"], ["bad", "Bad"]], "major", "classes ('good', 'bad') instead of ('bad', 'good')"),
        ([["bad", "Good"], ["good", "Bad"]], "major", "'bad' means 'Good' instead of 'Bad'"),
        ([["bad", "Poor"], ["good", "Good"]], "minor", "'bad' means 'Poor' instead of 'Bad'"),
    ],
)
def test_the_order_and_the_words_of_the_classes_count(classes, needed, said, tree, parse):
    tree["model"]["task"], tree["target"]["transform"] = "binary", "none"
    tree["target"]["classes"] = [["bad", "Bad"], ["good", "Good"]]
    change = lambda tree: tree["target"].update(classes=classes)  # noqa: E731
    assert said in failed(parse, copy.deepcopy(tree), change, "1.0.1")["contract.target"]
    assert failed(parse, tree, change, PARTS[needed]) == {}


def test_every_key_of_a_spec_is_classified():
    tables = TABLES | ACCEPTANCE
    assert {name: set(keys) for name, keys in RULES.items()} == {name: set(table.model_fields) for name, table in tables.items()}
    assert set(ModelSpec.model_fields) <= set(tables)


def test_words_and_the_estimator_are_free(tree, parse):
    def change(tree):
        field(tree, "area").update(label="Room", help="Ask.", example=1400, trained=[400, 3000])
        tree["estimator"]["linear"]["alpha"] = 2.0

    assert failed(parse, tree, change, "1.0.1") == {}
