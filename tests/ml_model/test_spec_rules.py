import pytest

from ml_model.errors import SpecError
from ml_model.spec import parse_spec
from ml_model.spec_rules import MOST_FIELDS
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


AREA, ROOMS, HEATING, CELLAR, GRADE, SOLD = ((("field", position)) for position in (0, 1, 3, 4, 5, 6))


AREA, ROOMS, HEATING, CELLAR, GRADE, SOLD = ((("field", position)) for position in (0, 1, 3, 4, 5, 6))


AREA, ROOMS, HEATING, CELLAR, GRADE, SOLD = ((("field", position)) for position in (0, 1, 3, 4, 5, 6))


AREA, ROOMS, HEATING, CELLAR, GRADE, SOLD = ((("field", position)) for position in (0, 1, 3, 4, 5, 6))


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
        (change(HEATING, choices=[["", "Empty"]]), "field[heating].choices[0][0]", "is empty; write"),
        (change(HEATING, choices=[[" gas", "Gas"]]), "field[heating].choices[0][0]", 'write "gas"'),
        (change(HEATING, choices=[[1.5, "Gas"]]), "field[heating].choices[0][0]", "text in quotes or a whole number; got 1.5"),
        (change(HEATING, choices=[[True, "Gas"]]), "field[heating].choices[0][0]", "text in quotes or a whole number; got true"),
        (change(HEATING, choices=[["gas"]]), "field[heating].choices[0][1]", "is missing"),
        (change(HEATING, choices=[["gas", ""]]), "field[heating].choices[0][1]", "must not be empty"),
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
        (change(AREA, section="mian"), "field[area].section", "there is no section 'mian'. Did you mean 'main'?"),
        (change(ROOMS, name="area"), "field[area].name", "name 'area' is used twice"),
        (change(AREA, column="Rooms"), "field[rooms].column", "column 'Rooms' is used twice"),
        (change(("derived", 0), name="area"), "derived[area].name", "name 'area' is used twice"),
        (change(("derived", 0), name="area_unknown"), "derived[area_unknown].name", "name 'area_unknown' is used twice"),
        (lambda tree: tree["section"].append(tree["section"][0]), "section[main].name", "section name 'main' is used twice"),
        (change(("target",), column="Area"), "target.column", "the model would be given the answer"),
        (change(("target",), classes=[["a", "A"]], transform=None), "target.classes", "1 classes do not fit task 'regression'"),
        (change(("model",), task="binary"), "target.classes", "0 classes do not fit task 'binary'"),
        (change(("model",), task="multiclass"), "target.classes", "0 classes do not fit task 'multiclass'"),
        (change(("model",), task="ranking"), "model.task", "'regression', 'binary' or 'multiclass'"),
        (change(("estimator",), linear=None, boosting=None, forest=None), "estimator", "needs at least one of"),
        (change(("estimator",), bosting={}), "estimator.bosting", "Did you mean 'boosting'?"),
        (change(("estimator", "boosting"), learning_rat=0.1), "estimator.boosting.learning_rat", "Did you mean 'learning_rate'?"),
        (change(("estimator", "forest"), tree=9), "estimator.forest.tree", "Did you mean 'trees'?"),
        (change(("derived", 0), expression="log(lott)"), "derived[log_lot].expression", "Did you mean 'lot'?"),
        (change(("derived", 0), expression="area_unknown + 1"), "derived[log_lot].expression", "'area_unknown' is not a field"),
        (change((), field=[]), "field", "must not be empty: write a line [[field]] and its keys below it"),
    ],
)
def test_rules_across_keys(apply, key, problem, tree, parse):
    apply(tree)
    error = refusal(parse, tree)
    assert error.key == key
    assert problem in str(error)


@pytest.mark.parametrize(
    ("position", "example"),
    [(0, "x"), (0, 10001), (0, True), (1, 2.5), (1, None), (2, "yes"), (2, 1), (3, "coal"), (5, True), (5, "2"), (6, 5)],
)
def test_an_example_that_is_no_answer(position, example, tree, to_toml):
    tree["field"][position]["example"] = example
    if example is None:
        del tree["field"][position]["example"]
    assert refusal(parse_spec, to_toml(tree)).key == f"field[{tree['field'][position]['name']}].example"


@pytest.mark.parametrize(
    "name", ["min", "log", "unknown", "none", "and", "if", "lambda", "class", "true", "id", "csrfmiddlewaretoken"]
)
def test_words_that_are_no_names(name, tree, to_toml):
    tree["field"][1]["name"] = name
    error = refusal(parse_spec, to_toml(tree))
    assert error.key == f"field[{name}].name"
    assert f'write for example name = "{name}_value"' in str(error)
    assert parse_spec(to_toml(tree), released=True)


def test_a_name_that_is_the_column_of_another_field(tree, parse):
    tree["field"][1] |= {"name": "years"}
    tree["field"][7] |= {"column": "years"}
    error = refusal(parse, tree)
    assert error.key == "field[years].name"
    assert "'years' is also the column of field 'lot', so a CSV file could be misread; write another name" in str(error)


def test_a_name_that_is_the_target_column(tree, parse):
    tree["field"][1]["name"] = tree["target"]["column"] = "price"
    assert "'price' is also the target column, so a CSV file could be misread" in str(refusal(parse, tree))


def test_names_that_differ_in_underscores(tree, parse):
    tree["field"][1]["name"] = "lot_"
    assert "'lot' and 'lot_' differ in underscores only" in str(refusal(parse, tree))


def classes(tree, *names):
    tree["model"]["task"] = "binary" if len(names) == 2 else "multiclass"
    tree["target"] |= {"transform": "none", "classes": [[name, "Meaning"] for name in names]}


@pytest.mark.parametrize(
    ("names", "problem"),
    [
        ((" good", "bad"), "' good' has spaces at its ends or characters that are not seen; write \"good\""),
        (("good ", "bad"), 'write "good"'),
        (("good\u00a0", "bad"), 'write "good"'),
        (("go\u200bod", "bad"), 'write "good"'),
        (("u\u0308ber", "\u00fcber"), "differ in case"),
        (("\u00a0", "bad"), "is blank"),
        (("a\nb", "c"), "has characters that cannot be shown"),
        (("good", "good"), "'good' and 'good' differ in case, spaces, dashes or underscores at most"),
        (("Good", "good"), "'Good' and 'good' differ in case"),
        (("not good", "not_good"), "'not good' and 'not_good' differ in case"),
        (("not-good", "Not  Good", "else"), "'not-good' and 'Not  Good' differ in case"),
        (("stra\u00dfe", "STRASSE"), "differ in case"),
    ],
)
def test_names_of_classes_that_collide_or_are_not_seen(names, problem, tree, to_toml):
    classes(tree, *names)
    error = refusal(parse_spec, to_toml(tree))
    assert error.key == "target.classes"
    assert problem in str(error)
    assert parse_spec(to_toml(tree), released=True)


@pytest.mark.parametrize("names", [("+", "-"), ("C+", "C-", "C"), ("0", "1"), ("none", "mild"), ("<=50K", ">50K"), ("a b", "ab")])
def test_names_of_classes_that_differ(names, tree, parse):
    classes(tree, *names)
    assert parse(tree).classes == names


def test_choices_that_look_alike(tree, parse):
    tree["field"][3]["choices"].append(["o\u200bil", "Oil again"])
    faults = refusal(parse, tree, faults=2).faults
    assert {key for key, _ in faults} == {"field[heating].choices"}


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
    assert "target.transform: is for numbers" in str(refusal(parse, tree))


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
