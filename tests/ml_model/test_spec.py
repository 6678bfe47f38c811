import pytest
from pydantic import ValidationError

from ml_model.errors import SpecError
from ml_model.spec import load_spec, parse_spec
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


@pytest.mark.parametrize(
    ("line", "advice"),
    [
        ("name = \u201cx\u201d", "(at line 1, column 8) 'name = \u201cx\u201d'. Write straight quotes"),
        ("name = x", 'Write text in quotes: "…".'),
        ("required = True", "Write true or false."),
        ("test_share = 0,2", "Write a point for decimals."),
        ('file = "C:\\data\\x.csv"', "Write paths with /."),
        ("name = 1\nname = 2", "A key stands twice; leave one out."),
    ],
)
def test_text_that_is_no_toml_gets_advice(line, advice):
    with pytest.raises(SpecError, match=r"is not valid TOML: ") as refused:
        parse_spec(line)
    assert advice in str(refused.value)


@pytest.mark.parametrize("codec", ["utf-8", "utf-8-sig", "utf-16", "utf-32"])
@pytest.mark.parametrize("line_end", ["\n", "\r\n", "\r"])
def test_a_file_as_editors_write_it(codec, line_end, tree, to_toml, tmp_path):
    path = tmp_path / "model.toml"
    path.write_bytes((to_toml(tree).replace("\n", line_end) + "\x1a").encode(codec))
    assert load_spec(path) == parse_spec(to_toml(tree))


def test_a_file_with_spaces_from_a_web_page_and_composed_letters(tree, to_toml, tmp_path):
    path = tmp_path / "model.toml"
    tree["model"]["title"] = "Ha\u0308user"
    path.write_text("\u200b" + to_toml(tree).replace(" = ", "\u00a0=\u00a0").replace(r"\u0308", "\u0308"), "utf-8")
    assert load_spec(path).model.title == "H\u00e4user"


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
    with pytest.raises(SpecError, match=r"cannot be read: line 1: byte 4 is not UTF-8; save the file in UTF-8"):
        load_spec(latin)
    for path in (tmp_path / "missing.toml", tmp_path):
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
