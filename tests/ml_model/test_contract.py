import pytest

from ml_model.contract import contract_gates
from ml_model.versions import parse as version


def failed(parse, tree, change, new):
    before = parse(tree)
    change(tree)
    gates = contract_gates(parse(tree), before, version(new), version("1.0.0"))
    return {gate.name: gate.detail for gate in gates if not gate.passed}


def field(tree, name):
    return next(one for one in tree["field"] if one["name"] == name)


CHANGES = [
    ("fields", "major", lambda tree: tree["field"].pop(2), "field 'garden' was dropped"),
    ("fields", "major", lambda tree: field(tree, "grade").update(required=True), "field 'grade' is required now"),
    ("fields", "minor", lambda tree: field(tree, "rooms").update(required=False), "field 'rooms' is optional now"),
    ("columns", "major", lambda tree: field(tree, "rooms").update(column="Rums"), "reads column 'Rums' instead of 'Rooms'"),
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
    ("values", "major", lambda tree: field(tree, "sold").update(earliest="1995-01-01"), "other days"),
    ("values", "minor", lambda tree: field(tree, "sold").update(latest="2031-01-01"), "other days"),
    ("features", "minor", lambda tree: tree["derived"].pop(), "feature 'area_unknown' was dropped"),
    ("features", "minor", lambda tree: field(tree, "lot").update(feature=True), "feature 'lot' was added"),
    ("features", "minor", lambda tree: tree["derived"][0].update(expression="log(lot + 1)"), "in another way"),
    ("features", "minor", lambda tree: tree["derived"].reverse(), "another order"),
    ("target", "major", lambda tree: tree["target"].update(unit="dollars"), "unit of the target: 'dollars' instead of 'euros'"),
    ("target", "major", lambda tree: tree["target"].update(column="Cost"), "target column: 'Cost' instead of 'Price'"),
]
PARTS = {"patch": "1.0.1", "minor": "1.1.0", "major": "2.0.0-rc.1"}


@pytest.mark.parametrize(("side", "needed", "change", "said"), CHANGES)
def test_a_change_needs_its_version(side, needed, change, said, *, tree, parse):
    import copy

    for part, number in PARTS.items():
        found = failed(parse, copy.deepcopy(tree), change, number)
        if list(PARTS).index(part) >= list(PARTS).index(needed):
            assert found == {}
        else:
            assert said in found[f"contract.{side}"]
            assert f"release it as a {needed} version instead of {number}" in found[f"contract.{side}"]


def test_a_required_field_more_is_a_major_change_and_an_optional_one_a_minor(tree, parse):
    import copy

    def add(required):
        return lambda tree: tree["field"].append(
            {"name": "floors", "column": "Floors", "kind": "integer", "section": "main", "label": "Floors"}
            | {"range": [0, 9], "trained": [1, 3], "example": 2, "required": required}
        )

    assert "contract.fields" in failed(parse, copy.deepcopy(tree), add(True), "1.1.0")
    assert failed(parse, copy.deepcopy(tree), add(False), "1.1.0") == {}


def test_words_and_the_estimator_are_free(tree, parse):
    def change(tree):
        field(tree, "area").update(label="Room", help="Ask.", example=1400, trained=[400, 3000])
        tree["estimator"]["linear"]["alpha"] = 2.0

    assert failed(parse, tree, change, "1.0.1") == {}
