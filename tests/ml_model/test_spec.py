import pytest
from pydantic import ValidationError

from ml_model.errors import SpecError
from ml_model.spec import load_spec, parse_spec


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
