import datetime as dt
import json
import math
import time
from types import MappingProxyType

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from ml_model.errors import RecordsRefused, SpecError
from ml_model.records import RecordValidator, in_words, number_in_words, read_cell, read_number, read_text, read_typed, write_cell
from ml_model.spec import parse_spec

# Values that no field takes, with the code that each kind answers.
SCALARS = ["number", "integer", "boolean", "category", "ordered", "date"]
FIELD_OF = {"number": "area", "integer": "rooms", "boolean": "garden", "category": "heating", "ordered": "grade", "date": "sold"}
ODD = {"number": "type", "integer": "type", "boolean": "type", "category": "choice", "ordered": "choice", "date": "date"}


def faults(validator, record):
    with pytest.raises(RecordsRefused) as refused:
        validator.validate([record])
    return refused.value.errors_by_row[0]


def fault(validator, record):
    (only,) = faults(validator, record)
    assert len(only.detail) < 300
    only.detail.encode()
    only.pointer.encode()
    assert only.detail.isprintable()
    return only


def test_the_example_is_a_record(validator, house):
    assert validator.validate([house.example()]) == [house.example()]


def test_no_records(validator):
    assert validator.validate([]) == []


def test_keys_come_out_in_the_order_of_the_spec(validator, house, record):
    backwards = dict(reversed(record.items()))
    assert list(validator.validate([backwards])[0]) == list(house.fields)


@pytest.mark.parametrize("name", ["area", "garden", "cellar", "grade", "sold"])
def test_an_optional_answer_may_be_null_or_left_out(name, validator, record):
    record[name] = None
    assert validator.validate([record])[0][name] is None
    del record[name]
    assert validator.validate([record])[0][name] is None


@pytest.mark.parametrize("name", ["rooms", "heating", "lot"])
def test_a_required_answer_may_not(name, validator, record, house):
    expected = ("/" + name, "required", f"{house.fields[name].label} is needed.")
    for given_value in (None, ""):
        record[name] = given_value
        error = fault(validator, record)
        assert (error.pointer, error.code, error.detail) == expected
    del record[name]
    error = fault(validator, record)
    assert (error.pointer, error.code, error.detail) == expected


@pytest.mark.parametrize("kind", SCALARS)
@pytest.mark.parametrize(
    "value",
    [
        [],
        [1],
        {},
        {"a": 1},
        "abc",
        "12",
        "1_000",
        "true",
        "\x00",
        "x" * 10_000,
        "=1+1",
        "<script>",
        (1, 2),
        b"1",
        object(),
    ],
    ids=lambda value: type(value).__name__ + str(value)[:8].replace("\x00", "NUL").partition(" at ")[0],
)
def test_what_no_field_takes(kind, value, validator, record):
    name = FIELD_OF[kind]
    record[name] = value
    error = fault(validator, record)
    assert (error.pointer, error.code) == (f"/{name}", ODD[kind])


@pytest.mark.parametrize("kind", SCALARS)
def test_a_lone_surrogate_is_no_text(kind, validator, record):
    name = FIELD_OF[kind]
    record[name] = "a\ud800"
    error = fault(validator, record)
    assert error.pointer == f"/{name}"
    assert error.code in {ODD[kind], "text"}


@pytest.mark.parametrize("kind", [kind for kind in SCALARS if kind != "boolean"])
@pytest.mark.parametrize("value", [True, False])
def test_a_boolean_is_nothing_else(kind, value, validator, record):
    record[FIELD_OF[kind]] = value
    error = fault(validator, record)
    assert error.code == ODD[kind]
    assert f"got {str(value).lower()}." in error.detail


@pytest.mark.parametrize("value", [0, 1, 0.0, 1.0, "yes", "no", "true", 2])
def test_a_boolean_is_true_or_false(value, validator, record):
    record["garden"] = value
    assert fault(validator, record).code == "type"


@pytest.mark.parametrize(
    ("name", "value", "code", "words"),
    [
        ("area", -0.5, "range", "Area must be from 0 sq ft to 10,000 sq ft; got -0.5."),
        ("area", math.nextafter(10_000, math.inf), "range", "from 0 sq ft to 10,000 sq ft"),
        ("area", 2**63, "range", "got a longer number."),
        ("area", 1e308, "range", "got a longer number."),
        ("area", 10**400, "range", "got a longer number."),
        ("area", -(10**5000), "range", "got a longer number."),
        ("area", math.nan, "finite", "Area must be a finite number."),
        ("area", math.inf, "finite", "Area must be a finite number."),
        ("area", -math.inf, "finite", "Area must be a finite number."),
        ("rooms", -1, "range", "Rooms must be from 0 to 20; got -1."),
        ("rooms", 21, "range", "Rooms must be from 0 to 20; got 21."),
        ("rooms", 2**63, "range", "Rooms must be from 0 to 20"),
        ("rooms", 10**400, "range", "Rooms must be from 0 to 20; got a longer number."),
        ("rooms", 2.5, "integer", "Rooms must be a whole number; got 2.5."),
        ("rooms", math.nextafter(2, 3), "integer", "Rooms must be a whole number"),
        ("rooms", math.nextafter(3, 2), "integer", "Rooms must be a whole number"),
        ("rooms", math.nan, "finite", "Rooms must be a finite number."),
        ("rooms", math.inf, "finite", "Rooms must be a finite number."),
        ("rooms", "4", "type", "Rooms must be a whole number, digits only with a point for decimals; got '4'."),
        ("area", "1,5", "type", "Area must be a number, digits only with a point for decimals; got '1,5'."),
        ("area", "", "type", "Area must be a number"),
        ("garden", "", "type", "Garden must be true or false"),
        ("cellar", "", "choice", "Cellar must be one of none, part, full; got ''."),
        ("sold", "", "date", "Day of the sale must be a date"),
        ("heating", "Gas", "choice", "Heating must be one of gas, oil, wood; got 'Gas'. Did you mean 'gas'?"),
        ("heating", "gas ", "choice", "Did you mean 'gas'?"),
        ("heating", "coal", "choice", "Heating must be one of gas, oil, wood; got 'coal'."),
        ("heating", 1, "choice", "got 1."),
        ("heating", 10**5000, "choice", "got a longer number."),
        ("heating", math.nan, "choice", "got nan."),
        ("grade", 4, "choice", "Grade must be one of 1, 2, 3; got 4."),
        ("grade", 0, "choice", "got 0."),
        ("grade", 2.5, "choice", "got 2.5."),
        ("grade", "2", "choice", "Grade must be one of 1, 2, 3; got '2'. Send it as a number."),
        ("grade", 2**63, "choice", "got a longer number."),
        ("grade", 10**400, "choice", "got a longer number."),
        ("sold", "1989-12-31", "range", "Day of the sale must be a day from 1990-01-01 to 2030-12-31."),
        ("sold", "2031-01-01", "range", "must be a day from 1990-01-01 to 2030-12-31."),
        ("sold", "2021-02-30", "date", "must be a date written as YYYY-MM-DD; got '2021-02-30'."),
        ("sold", "2021-2-3", "date", "as YYYY-MM-DD"),
        ("sold", "20210203", "date", "as YYYY-MM-DD"),
        ("sold", "2021-W05-3", "date", "as YYYY-MM-DD"),
        ("sold", "2021-02-03T00:00", "date", "as YYYY-MM-DD"),
        ("sold", "2021-02-03\n", "date", "as YYYY-MM-DD"),
        ("sold", "２０２１-02-03", "date", "as YYYY-MM-DD"),
        ("sold", "03/02/2021", "date", "got '03/02/2021'."),
        ("sold", 20210203, "date", "got 20210203."),
        ("sold", 1e9, "date", "got 1000000000."),
        ("sold", "0000-00-00", "date", "as YYYY-MM-DD"),
    ],
    ids=lambda value: repr(value)[:20] if not isinstance(value, int) or abs(value) < 10**99 else "huge",
)
def test_faults_in_words(name, value, code, words, *, validator, record):
    record[name] = value
    error = fault(validator, record)
    assert (error.pointer, error.code) == (f"/{name}", code)
    assert words in error.detail


@pytest.mark.parametrize(
    ("name", "given_value", "kept"),
    [
        ("rooms", 2.0, 2),
        ("rooms", -0.0, 0),
        ("rooms", 20, 20),
        ("area", 0, 0.0),
        ("area", -0.0, 0.0),
        ("area", 10_000, 10_000.0),
        ("grade", 2.0, 2),
        ("sold", "1990-01-01", "1990-01-01"),
        ("sold", "2030-12-31", "2030-12-31"),
        ("sold", "2020-02-29", "2020-02-29"),
        ("garden", False, False),
    ],
)
def test_values_are_kept_in_their_own_type(name, given_value, kept, validator, record):
    record[name] = given_value
    (valid,) = validator.validate([record])
    assert valid[name] == kept
    assert type(valid[name]) is type(kept)
    if isinstance(kept, float):
        assert math.copysign(1, valid[name]) == 1


@pytest.mark.parametrize("whole", [None, MappingProxyType({}), 1, "text", [], [("area", 1)], True, 1.5, object()])
def test_a_record_is_an_object(whole, validator):
    error = fault(validator, whole)
    assert (error.pointer, error.code) == ("", "record")


@pytest.mark.parametrize(
    ("key", "pointer", "hint"),
    [
        ("araa", "/araa", "Did you mean 'area'?"),
        ("Area", "/Area", "Did you mean 'area'?"),
        ("id", "/id", "There is no field 'id'."),
        ("__proto__", "/__proto__", "There is no field '__proto__'."),
        ("prediction", "/prediction", "There is no field"),
        ("field_0", "/field_0", "There is no field"),
        ("", "/", "There is no field ''."),
        ("a/b~c", "/a~1b~0c", "There is no field 'a/b~c'."),
        ("x" * 10_000, "/" + "x" * 80, "There is no field"),
        ("area\x00", "/area\ufffd", "There is no field"),
    ],
    ids=lambda text: text[:12].replace("\x00", "NUL"),
)
def test_unknown_fields_are_named(key, pointer, hint, validator, record):
    record[key] = 1
    error = fault(validator, record)
    assert (error.pointer, error.code) == (pointer, "unknown_field")
    assert hint in error.detail


@pytest.mark.parametrize("key", ["\ud800", "area\udfff", 1, None, ("area",)])
def test_a_key_that_is_no_text(key, validator, record):
    record[key] = 1
    error = fault(validator, record)
    assert error.code in {"text", "unknown_field"}


def test_all_faults_of_all_records_at_once(validator, record):
    bad = record | {"lot": None, "area": "x", "heating": "coal", "colour": "red", "zz": 1}
    del bad["rooms"]
    with pytest.raises(RecordsRefused) as refused:
        validator.validate([record, bad, record, 5, {}])
    found = refused.value.errors_by_row
    assert list(found) == [1, 3, 4]
    assert [(one.field, one.code) for one in found[1]] == [
        ("area", "type"),
        ("rooms", "required"),
        ("heating", "choice"),
        ("lot", "required"),
        ("colour", "unknown_field"),
        ("zz", "unknown_field"),
    ]
    assert [one.code for one in found[3]] == ["record"]
    assert [one.field for one in found[4]] == ["rooms", "heating", "lot"]


def test_many_choices_are_not_all_listed(tree, parse):
    tree["field"][3] |= {"choices": [[f"c{number}", "A choice"] for number in range(40)], "example": "c0"}
    validator = RecordValidator(parse(tree))
    error = fault(validator, validator.spec.example() | {"heating": "zz"})
    assert "c11 and 28 more; got 'zz'." in error.detail
    assert "c12" not in error.detail


def test_text_for_a_number_that_is_a_choice_as_text(tree, parse):
    tree["field"][3] |= {"choices": [["1", "One"], ["2", "Two"]], "example": "1"}
    validator = RecordValidator(parse(tree))
    assert fault(validator, validator.spec.example() | {"heating": 1}).detail.endswith("got 1. Send it as text.")


@pytest.mark.parametrize("name", ["copy", "json", "schema", "dict", "model_config", "model_dump", "model_fields", "validate"])
def test_a_field_may_be_called_as_a_method_is(name, tree, parse):
    tree["field"][0]["name"] = name
    tree["derived"] = []
    validator = RecordValidator(parse(tree))
    example = validator.spec.example()
    assert validator.validate([example]) == [example]
    assert fault(validator, example | {name: "x"}).pointer == f"/{name}"


@pytest.mark.parametrize(
    ("position", "example", "problem"),
    [
        (0, -1, "must be from"),
        (1, 2.5, "whole number"),
        (3, "coal", "must be one of"),
        (6, "soon", "YYYY-MM-DD"),
        (7, "", "is needed"),
    ],
)
def test_an_example_that_breaks_the_contract(position, example, problem, tree, to_toml):
    tree["field"][position]["example"] = example
    with pytest.raises(SpecError, match=problem) as refused:
        RecordValidator(parse_spec(to_toml(tree), released=True))
    assert refused.value.key == f"field[{tree['field'][position]['name']}].example"


def test_choices_are_the_same_in_another_unicode_form(tree, parse):
    tree["field"][3] |= {"choices": [["Adélie", "In one form"], ["A\u0301", "In the other"]], "example": "Adélie"}
    validator = RecordValidator(parse(tree))
    record, field = validator.spec.example(), validator.spec.fields["heating"]
    for sent, choice in (("Ade\u0301lie", "Adélie"), ("\u00c1", "A\u0301"), ("A\u0301", "A\u0301")):
        assert validator.validate([record | {"heating": sent}])[0]["heating"] == choice
        assert read_text(field, f"\ufeff {sent}\u00a0") == choice
    assert fault(validator, record | {"heating": "Adele"}).code == "choice"
    assert [one.code for one in faults(validator, record | {"heating": "Ade\u0301lie", "rooms": "x", "zz": 1})] == [
        "type",
        "choice",
        "unknown_field",
    ]


def test_a_large_whole_number_fits_into_json(tree, parse):
    tree["field"][1] |= {"range": [0, 1e30], "trained": [0, 1e30]}
    validator = RecordValidator(parse(tree))
    for value in (2**53 - 1, 2**60, 2**63, 10**25, 1e30):
        (valid,) = validator.validate([validator.spec.example() | {"rooms": value}])
        assert valid["rooms"] == float(value)
        assert json.loads(orjson.dumps(valid))["rooms"] == valid["rooms"]


# Hostile records take no time and no memory.


def test_only_the_faults_that_are_read_are_described(validator):
    records = [{f"k{number}": 1 for number in range(400)}] * 1000
    began = time.process_time()
    with pytest.raises(RecordsRefused) as refused:
        validator.validate(records)
    found = refused.value.errors_by_row
    assert (len(found), refused.value.count) == (1000, 1000 * 403)
    assert len(found[999]) == 403
    assert time.process_time() - began < 3
    with pytest.raises(KeyError):
        found[1000]


def test_hints_are_limited_for_all_records_together(validator, record):
    misspelt = [record | {f"aera{number}": 1, "heating": "gass"} for number in range(2000)]
    with pytest.raises(RecordsRefused) as refused:
        validator.validate(misspelt)
    began = time.process_time()
    details = [one.detail for found in refused.value.errors_by_row.values() for one in found]
    assert "Did you mean" in details[0]
    assert 20 < sum("Did you mean" in detail for detail in details) < 1000
    assert time.process_time() - began < 2


def test_long_words_are_compared_in_no_time(tree, parse):
    choices = [[f"{'ab' * 40}{number}", "A choice"] for number in range(1500)]
    tree["field"][3] |= {"choices": choices, "example": choices[0][0]}
    validator = RecordValidator(parse(tree))
    began = time.process_time()
    for word in ("ba" * 10, "ba" * 40, "ba" * 10_000):
        [error] = faults(validator, validator.spec.example() | {"heating": word})
        assert error.code == "choice"
    assert time.process_time() - began < 2


@pytest.mark.parametrize("unit", ["1", "1.", "9,", "e1", "e", "+", " 1", "1e", "\u0301", "\u200b", "'1", "-"])
@pytest.mark.parametrize("end", ["", "x", "e999"])
def test_long_text_is_read_in_no_time(unit, end, house):
    text = unit * 30_000 + end
    began = time.process_time()
    for field in house.field:
        read_cell(field, text)
        read_typed(field, text)
    assert time.process_time() - began < 0.5


# The text of forms and files.


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("12", 12),
        (" 12 ", 12),
        ("+12", 12),
        ("-3", -3),
        ("-0", 0),
        ("1.50", 1.5),
        ("1.0", 1),
        (".5", 0.5),
        ("5.", 5),
        ("1e3", 1000),
        ("1E-3", 0.001),
        ("007", 7),
        ("9007199254740991", 2**53 - 1),
        ("9007199254740993", 9007199254740992.0),
    ],
)
def test_numbers_in_text(text, number, house):
    found = read_text(house.fields["area"], text)
    assert found == number
    assert type(found) is type(number)


@pytest.mark.parametrize(
    "text",
    [
        "1_000",
        "１２",
        "1,5",
        "1 000",
        "0x10",
        "1e",
        "e5",
        "--1",
        "1.2.3",
        "nan",
        "inf",
        "-inf",
        "Infinity",
        "١٢",
        "½",
        "1e1000",
        "12 ft",
        ".",
    ],
)
def test_text_that_is_no_number_is_handed_on(text, house, validator, record):
    for name in ("area", "rooms"):
        assert read_text(house.fields[name], text) == text
        record[name] = read_text(house.fields[name], text)
    assert {one.code for one in faults(validator, record)} == {"type"}


@pytest.mark.parametrize("text", ["1e999", "-1e400", pytest.param("9" * 5000, id="5,000 digits")])
def test_numbers_without_end_are_not_finite(text, house, validator, record):
    record["area"] = read_text(house.fields["area"], text)
    assert fault(validator, record).code == "finite"


@pytest.mark.parametrize("text", ["", " ", "\t", "\u00a0"])
def test_blank_text_is_unknown(text, house):
    assert [read_text(field, text) for field in house.field] == [None] * len(house.field)


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("yes", True),
        ("Y", True),
        ("TRUE", True),
        ("t", True),
        ("1", True),
        (" no ", False),
        ("F", False),
        ("false", False),
        ("0", False),
    ],
)
def test_yes_and_no(text, answer, house):
    assert read_text(house.fields["garden"], text) is answer


def test_other_words_than_yes_and_no_are_handed_on(house):
    assert read_text(house.fields["garden"], " perhaps ") == "perhaps"


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("heating", " gas ", "gas"),
        ("heating", "GAS", "GAS"),
        ("grade", "2", 2),
        ("grade", "7", 7),
        ("grade", "good", "good"),
        ("grade", "2.0", 2),
        ("grade", "2.5", "2.5"),
        ("sold", " 2010-06-15 ", "2010-06-15"),
        ("sold", "15.6.2010", "15.6.2010"),
    ],
)
def test_choices_and_days_in_text(name, text, value, house):
    assert read_text(house.fields[name], text) == value


def test_cells_that_are_empty_or_say_unknown(house):
    assert [read_cell(house.fields["cellar"], cell) for cell in ("", "  ", "none", "unknown", " unknown ", "full")] == [
        "none",
        "none",
        "none",
        None,
        None,
        "full",
    ]
    assert [read_cell(house.fields["area"], cell) for cell in ("", "unknown", "5")] == [None, None, 5]


def test_unknown_may_be_a_choice_of_its_own(tree, parse):
    tree["field"][3]["choices"].append(["unknown", "The owner said unknown"])
    field = parse(tree).fields["heating"]
    assert read_cell(field, "unknown") == "unknown"
    assert write_cell(field, "unknown") == "unknown"
    assert write_cell(field, None) == ""


def test_words_of_read_number():
    assert [read_number(text) for text in ("4", "4.5", "four")] == [4, 4.5, "four"]


numbers = st.one_of(st.integers(0, 10_000), st.floats(0, 10_000))
records = st.fixed_dictionaries(
    {
        "area": st.none() | numbers,
        "rooms": st.integers(0, 20),
        "garden": st.none() | st.booleans(),
        "heating": st.sampled_from(["gas", "oil", "wood"]),
        "cellar": st.sampled_from([None, "none", "part", "full"]),
        "grade": st.sampled_from([None, 1, 2, 3]),
        "sold": st.none() | st.dates(min_value=dt.date(1990, 1, 1), max_value=dt.date(2030, 12, 31)).map(str),
        "lot": numbers,
    }
)


@given(record=records)
def test_cells_read_back_as_they_were_written(record, house, validator):
    (valid,) = validator.validate([record])
    read = {field.name: read_cell(field, write_cell(field, valid[field.name])) for field in house.field}
    assert validator.validate([read]) == [valid]


@given(record=records)
def test_a_valid_record_is_valid_again(record, validator):
    (valid,) = validator.validate([record])
    assert valid == record
    assert validator.validate([valid]) == [valid]
    assert validator.validate([json.loads(json.dumps(valid))]) == [valid]


# The same contract as JSON Schema.

near = [2.0, 2.5, math.nextafter(2, 3), math.nextafter(3, 2), -0.0, -1, 20, 20.5, 21, 10_000, 10_001, 1e308, 2**63, 10**400]
json_values = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-5, 25),
    st.floats(allow_nan=False, allow_infinity=False),
    st.sampled_from(near),
    st.sampled_from(["", "gas", "Gas", "none", "full", "2", "yes", "2010-06-15", "2010-6-15", "2010-06-15 ", "x\x00", "\ud800"]),
    st.text(max_size=5),
    st.lists(st.integers(), max_size=2),
    st.dictionaries(st.text(max_size=2), st.integers(), max_size=1),
)
changes = st.dictionaries(
    st.sampled_from(["area", "rooms", "garden", "heating", "cellar", "grade", "sold", "lot", "colour", "area "]),
    json_values,
    max_size=3,
)


def accepts(validator, record):
    try:
        validator.validate([record])
    except RecordsRefused:
        return False
    return True


@given(
    record=records, changed=changes, dropped=st.sets(st.sampled_from(["area", "rooms", "garden", "heating", "lot"]), max_size=2)
)
def test_json_schema_accepts_what_the_validator_accepts(record, changed, dropped, validator):
    candidate = {name: value for name, value in record.items() if name not in dropped} | changed
    schema = Draft202012Validator(validator.json_schema(), format_checker=Draft202012Validator.FORMAT_CHECKER)
    assert schema.is_valid(candidate) == accepts(validator, candidate)


@pytest.mark.parametrize("value", [1, "text", [], None, [{}], True])
def test_json_schema_wants_an_object(value, validator):
    assert not Draft202012Validator(validator.json_schema()).is_valid(value)
    assert not accepts(validator, value)


@pytest.mark.parametrize("value", near)
@pytest.mark.parametrize("name", ["area", "rooms", "grade"])
def test_json_schema_draws_the_limits_of_numbers_alike(name, value, validator, record):
    record[name] = value
    assert Draft202012Validator(validator.json_schema()).is_valid(record) == accepts(validator, record)


def test_json_schema_describes_each_field(specs):
    for spec in specs.values():
        schema = RecordValidator(spec).json_schema()
        Draft202012Validator.check_schema(schema)
        json.dumps(schema, allow_nan=False)
        assert list(schema["properties"]) == list(spec.fields)
        assert schema["additionalProperties"] is False
        assert schema["required"] == [field.name for field in spec.field if field.required]
        for field in spec.field:
            told = schema["properties"][field.name]
            assert (told["title"], told["examples"], told.get("x-unit", "")) == (field.label, [field.example], field.unit)
        assert Draft202012Validator(schema).is_valid(spec.example())


def test_json_schema_tells_in_words_what_it_cannot_say(validator):
    told = validator.json_schema()["properties"]
    assert told["area"]["description"].startswith("Measured inside. In sq ft. Null or left out")
    assert told["area"]["description"].endswith("It was not measured.")
    assert told["garden"]["description"].startswith("Null or left out")
    assert "Null" not in told["rooms"]["description"]
    assert told["sold"]["description"].startswith("A day from 1990-01-01 to 2030-12-31.")
    assert "1: Poor; 2: Fair; 3: Good" in told["grade"]["description"]


# In words.


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("area", 1656.0, "1,656 sq ft"),
        ("area", 0.0, "0 sq ft"),
        ("area", 1.25, "1.25 sq ft"),
        ("area", 100, "100 sq ft"),
        ("area", None, "not known"),
        ("rooms", 4, "4"),
        ("lot", 12345.0, "12345"),
        ("garden", True, "yes"),
        ("garden", False, "no"),
        ("heating", "gas", "Gas"),
        ("grade", 2, "Fair"),
        ("cellar", "none", "No cellar"),
        ("sold", "2010-06-15", "2010-06-15"),
    ],
)
def test_in_words(name, value, words, house):
    assert in_words(house.fields[name], value) == words


def test_numbers_in_words(house):
    assert number_in_words(house.fields["area"], 1e6) == "1,000,000 sq ft"
    assert number_in_words(house.fields["lot"], 1e6) == "1000000"


@pytest.mark.parametrize(("name", "expected"), [("cellar", "none"), ("heating", None), ("rooms", None)])
def test_not_available_is_an_empty_cell(name, expected, house):
    assert read_cell(house.fields[name], " NA ") == expected == read_cell(house.fields[name], "")


@pytest.mark.parametrize("choices", [["True", "False"], ["true", "false"], ["TRUE", "FALSE"]])
def test_truth_values_that_a_spreadsheet_wrote_as_choices(choices, tree, parse):
    tree["field"][3] |= {"choices": [[choice, choice] for choice in choices], "example": choices[0]}
    field = parse(tree).fields["heating"]
    assert [read_cell(field, cell) for cell in ("TRUE", "FALSE", choices[0])] == [*choices, choices[0]]
