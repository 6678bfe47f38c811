import pytest
from pydantic import ValidationError

from ml_model.errors import SpecError
from ml_model.spec import MOST_FIELDS, load_spec, parse_spec
from project import settings
from tests.ml_model.trees import at, refusal


def change(way, **changes):
    """A change of the table at a place of the tree; None takes a key away."""

    def apply(tree):
        table = at(tree, way)
        for key, value in changes.items():
            table[key] = value
            if value is None:
                del table[key]

    return apply


AREA, ROOMS, HEATING, CELLAR, GRADE, SOLD = ((("field", position)) for position in (0, 1, 3, 4, 5, 6))


@pytest.mark.parametrize(
    ("apply", "key", "problem"),
    [
        (change(AREA, trained=[-1, 3000]), "field[area]", "trained must lie within range"),
        (change(AREA, trained=[500, 10001]), "field[area]", "trained must lie within range"),
        (change(AREA, trained=[3000, 500]), "field[area]", "trained must lie within range"),
        (change(AREA, trained=[500, 500]), "field[area]", "trained must lie within range"),
        (change(AREA, range=[10000, 0]), "field[area]", "trained must lie within range"),
        (change(AREA, range=None), "field[area]", "range and trained are needed for"),
        (change(AREA, trained=None), "field[area]", "range and trained are needed for"),
        (change(HEATING, range=[0, 2]), "field[heating]", "range and trained are not part of"),
        (change(HEATING, trained=[0, 2]), "field[heating]", "range and trained are not part of"),
        (change(HEATING, choices=None), "field[heating]", "choices are needed for"),
        (change(HEATING, choices=[]), "field[heating]", "choices are needed for"),
        (change(GRADE, choices=None), "field[grade]", "choices are needed for"),
        (change(AREA, choices=[["none", "None"]]), "field[area]", "choices are not part of"),
        (change(HEATING, choices=[["gas", "Gas"], ["gas", "Gas again"]]), "field[heating]", "choices repeat a value"),
        (change(GRADE, choices=[[1, "One"], ["1", "One in words"]]), "field[grade]", "choices repeat a value"),
        (change(HEATING, choices=[["", "Empty"]]), "field[heating].choices[0][0]", "should match pattern"),
        (change(HEATING, choices=[[" gas", "Gas"]]), "field[heating].choices[0][0]", "should match pattern"),
        (change(HEATING, choices=[[1.5, "Gas"]]), "field[heating].choices[0][0]", "valid string"),
        (change(HEATING, choices=[[True, "Gas"]]), "field[heating].choices[0][0]", "valid string"),
        (change(HEATING, choices=[["gas"]]), "field[heating].choices[0][1]", "is missing"),
        (change(HEATING, choices=[["gas", ""]]), "field[heating].choices[0][1]", "at least 1 character"),
        (change(HEATING, empty_cell="none"), "field[heating]", "the choices need one of value 'none'"),
        (change(HEATING, empty_cell="nothing"), "field[heating].empty_cell", "'unknown' or 'none'"),
        (change(CELLAR, choices=[["none", "No"], ["unknown", "?"]]), "field[cellar]", "cannot be a choice"),
        (change(ROOMS, blank="Not counted."), "field[rooms]", "the field is required"),
        (change(SOLD, earliest=None), "field[sold]", "as YYYY-MM-DD; got ''"),
        (change(SOLD, latest=None), "field[sold]", "as YYYY-MM-DD; got ''"),
        (change(SOLD, earliest="long ago"), "field[sold]", "as YYYY-MM-DD; got 'long ago'"),
        (change(SOLD, latest="2021-02-30"), "field[sold]", "as YYYY-MM-DD; got '2021-02-30'"),
        (change(SOLD, latest="1989-12-31"), "field[sold]", "earliest must not be after latest"),
        (change(AREA, earliest="2000-01-01"), "field[area]", "for a field of kind date, and for no other"),
        (change(AREA, latest="2000-01-01"), "field[area]", "for a field of kind date, and for no other"),
        (change(AREA, kind="numeric"), "field[area].kind", "'number', 'integer', 'boolean', 'category', 'ordered' or 'date'"),
        (change(AREA, section="mian"), "file", "field 'area': there is no section 'mian'. Did you mean 'main'?"),
        (change(AREA, name="rooms"), "file", "name 'rooms' is used twice"),
        (change(AREA, column="Rooms"), "file", "column 'Rooms' is used twice"),
        (change(("derived", 0), name="area"), "file", "name 'area' is used twice"),
        (change(("derived", 0), name="area_unknown"), "file", "name 'area_unknown' is used twice"),
        (lambda tree: tree["section"].append(tree["section"][0]), "file", "section name 'main' is used twice"),
        (change(("target",), column="Area"), "file", "the model would be told the answer"),
        (change(("target",), classes=[["a", "A"]]), "file", "1 classes, which does not fit task 'regression'"),
        (change(("model",), task="binary"), "file", "0 classes, which does not fit task 'binary'"),
        (change(("model",), task="multiclass"), "file", "0 classes, which does not fit task 'multiclass'"),
        (change(("model",), task="ranking"), "model.task", "'regression', 'binary' or 'multiclass'"),
        (change(("estimator",), linear=None, boosting=None, forest=None), "estimator", "needs at least one of"),
        (change(("estimator",), bosting={}), "estimator.bosting", "Did you mean 'boosting'?"),
        (change(("estimator", "boosting"), learning_rat=0.1), "estimator.boosting.learning_rat", "Did you mean 'learning_rate'?"),
        (change(("estimator", "forest"), tree=9), "estimator.forest.tree", "Did you mean 'trees'?"),
        (change(("derived", 0), expression="log(lott)"), "derived[log_lot].expression", "Did you mean 'lot'?"),
        (change(("derived", 0), expression="area_unknown + 1"), "derived[log_lot].expression", "'area_unknown' is not a field"),
        (change((), field=[]), "field", "at least 1 item"),
    ],
)
def test_rules_across_keys(apply, key, problem, tree, parse):
    apply(tree)
    error = refusal(parse, tree)
    assert error.key == key
    assert problem in str(error)


@pytest.mark.parametrize(
    ("task", "count", "fits"),
    [("binary", 1, False), ("binary", 2, True), ("binary", 3, False), ("multiclass", 2, False), ("multiclass", 3, True)],
)
def test_number_of_classes_fits_the_task(task, count, fits, tree, parse):
    tree["model"]["task"] = task
    tree["target"] |= {"transform": "none", "classes": [[str(one), "A class"] for one in range(count)]}
    if fits:
        assert parse(tree).classes == tuple(map(str, range(count)))
    else:
        assert f"{count} classes" in str(refusal(parse, tree))


def test_a_logarithm_of_classes_is_refused(tree, parse):
    tree["model"]["task"] = "binary"
    tree["target"]["classes"] = [["no", "No"], ["yes", "Yes"]]
    assert "target.transform is for numbers" in str(refusal(parse, tree))


def test_a_model_that_would_see_nothing_is_refused(tree, parse):
    for field in tree["field"]:
        field["feature"] = False
    assert parse(tree)
    del tree["derived"]
    assert "the model would see nothing" in str(refusal(parse, tree))


@pytest.mark.parametrize(("count", "fits"), [(MOST_FIELDS, True), (MOST_FIELDS + 1, False), (5_000, False)])
def test_a_model_has_no_more_fields_than_can_be_asked(count, fits, tree, parse):
    lot = tree["field"][-1]
    tree["field"] += [lot | {"name": f"lot_{number}", "column": f"Lot {number}"} for number in range(count - len(tree["field"]))]
    if fits:
        assert len(parse(tree).field) == count
        assert count + 2 <= settings.DATA_UPLOAD_MAX_NUMBER_FIELDS  # a form also has the keys of a visitor and of a submission
    else:
        with pytest.raises(SpecError, match=f"there are {count} fields; at most {MOST_FIELDS} can be asked"):
            parse(tree)


@pytest.mark.parametrize(
    "text",
    ["model =", "[model]\n[model]", "\x00", "model = 'a", pytest.param(f"a = {'1' * 5000}", id="5,000 digits")],
)
def test_text_that_is_no_toml(text):
    with pytest.raises(SpecError, match=r"^model\.toml: file: is not valid TOML: ") as refused:
        parse_spec(text)
    assert refused.value.key == "file"


def test_empty_text_names_the_first_table():
    with pytest.raises(SpecError, match="model: is missing"):
        parse_spec("")


def test_a_file_that_cannot_be_read(tmp_path):
    latin = tmp_path / "latin.toml"
    latin.write_bytes("# Größe".encode("latin-1"))
    for path in (tmp_path / "missing.toml", tmp_path, latin):
        with pytest.raises(SpecError, match=r"^model\.toml: file: cannot be read: "):
            load_spec(path)


def test_a_parsed_spec_cannot_be_changed(house):
    tables = [
        house,
        house.model,
        house.target,
        house.data,
        house.section[0],
        house.field[0],
        house.derived[0],
        house.estimator,
        house.estimator.linear,
        house.estimator.boosting,
        house.estimator.forest,
        house.interval,
    ]
    for table in tables:
        for name in type(table).model_fields:
            with pytest.raises(ValidationError, match="frozen"):
                setattr(table, name, getattr(table, name))
            assert not isinstance(getattr(table, name), (list, dict, set))


def test_what_a_spec_tells(house):
    assert list(house.fields) == ["area", "rooms", "garden", "heating", "cellar", "grade", "sold", "lot"]
    assert house.fields["cellar"].codes == {"none": 0, "part": 1, "full": 2}
    assert house.fields["grade"].codes == {1: 0, 2: 1, 3: 2}
    assert house.fields["grade"].words == {1: "Poor", 2: "Fair", 3: "Good"}
    assert house.vocabulary["area"] is None
    assert house.vocabulary["grade"] == {"1": 0, "2": 1, "3": 2}
    assert {name: expression.names for name, expression in house.expressions.items()} == {
        "log_lot": {"lot"},
        "area_unknown": {"area"},
    }
    assert house.example()["area"] == 1500.5
    assert house.is_regression


def test_tasks_of_the_examples(specs):
    assert {name: (spec.model.task, spec.classes) for name, spec in specs.items()} == {
        "penguins": ("multiclass", ("Adelie", "Chinstrap", "Gentoo")),
        "credit": ("binary", ("good", "bad")),
        "concrete": ("regression", ()),
        "house": ("regression", ()),
    }
