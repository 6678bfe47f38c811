"""The form that is drawn from a spec: widgets, hints, and the way from typed text to the validator's messages."""

import pytest

from ml_model.errors import RecordsRefused
from ml_model.records import RecordValidator, write_text
from ml_model.spec import parse_spec
from predictions.forms import RecordForm, texts_of

SPEC = parse_spec("""
section = [{name = "empty", title = "Asks nothing"}, {name = "first", title = "First"}, {name = "second", title = "Second"}]
estimator = {linear = {}}
[model]
name = "any"
title = "Any"
noun = "thing"
action = "Ask"
task = "regression"
summary = "s"
intended_use = "i"
limits = "l"
[target]
column = "y"
label = "Y"
[data]
file = "x.csv"
[[field]]
name = "extra"
column = "a"
kind = "number"
section = "first"
label = "Extra"
required = false
blank = "a typical one is assumed."
range = [-10, 2000]
trained = [0, 1]
unit = "kg"
example = 0.5
[[field]]
name = "size"
column = "b"
kind = "number"
section = "first"
label = "Size"
range = [0, 2000]
trained = [0, 1]
example = 0.5
[[field]]
name = "count"
column = "c"
kind = "integer"
section = "first"
label = "Count"
range = [0, 9]
trained = [0, 1]
example = 1
[[field]]
name = "heated"
column = "d"
kind = "boolean"
section = "second"
label = "Heated"
required = false
example = true
[[field]]
name = "built"
column = "e"
kind = "date"
section = "second"
label = "Built"
earliest = "2000-01-01"
latest = "2010-12-31"
example = "2005-05-05"
[[field]]
name = "grade"
column = "f"
kind = "ordered"
section = "second"
label = "Grade"
choices = [[1, "Low"], [2, "Middle"], [3, "High"], [4, "Best"]]
example = 2
[[field]]
name = "kind"
column = "g"
kind = "category"
section = "second"
label = "Kind"
required = false
blank = "A usual one."
choices = [["a", "The first of the long words"], ["none", "None at all of any of them"]]
example = "a"
""")


def faults_of(typed: dict[str, str]) -> dict[str, str]:
    form = RecordForm(SPEC, {**texts_of(SPEC.example()), **typed})
    with pytest.raises(RecordsRefused) as refused:
        RecordValidator(SPEC).validate([form.record()])
    form.refuse(refused.value.errors_by_row[0])
    return {name: str(messages[0]) for name, messages in form.errors.items()}


def test_what_the_example_is_typed_as_is_read_back():
    form = RecordForm(SPEC, texts_of(SPEC.example()))
    assert RecordValidator(SPEC).validate([form.record()]) == [SPEC.example()]


@pytest.mark.parametrize(
    ("value", "text"), [(None, ""), (True, "yes"), (False, "no"), (1440.0, "1440"), (0.5, "0.5"), (7, "7"), ("a", "a")]
)
def test_values_are_typed_as_people_type_them(value, text):
    assert write_text(value) == text


@pytest.mark.parametrize(
    ("name", "shape", "attributes"),
    [
        ("size", "box", ['type="text"', 'inputmode="decimal"', "required"]),
        ("count", "box", ['type="text"', 'inputmode="numeric"', "required"]),
        ("extra", "box", ['type="text"', 'inputmode="text"']),
        ("built", "box", ['type="date"', 'min="2000-01-01"', 'max="2010-12-31"', "required"]),
        ("heated", "buttons", ['type="radio"']),
        ("grade", "buttons", ['type="radio"', "required"]),
        ("kind", "list", ["<select"]),
    ],
)
def test_each_kind_has_its_widget(name, shape, attributes):
    question = RecordForm(SPEC)[name]
    assert question.field.shape == shape
    html = str(question)
    assert [attribute for attribute in attributes if attribute not in html] == []
    assert ("required" in html) == SPEC.fields[name].required


def test_choices_are_in_words_and_an_optional_one_can_stay_unknown():
    assert RecordForm(SPEC).fields["kind"].widget.choices == [
        ("", "Not known"),
        ("a", "The first of the long words"),
        ("none", "None at all of any of them"),
    ]
    assert RecordForm(SPEC).fields["heated"].widget.choices == [("yes", "Yes"), ("no", "No"), ("", "Not known")]


def test_hints_say_the_range_and_what_a_blank_means():
    hint = RecordForm(SPEC).fields["extra"].help_text
    assert hint == "From -10 to 2,000 kg. If not known, a typical one is assumed."
    assert RecordForm(SPEC).fields["built"].help_text == "From 2000-01-01 to 2010-12-31."


def test_sections_keep_their_order_and_put_what_is_needed_first():
    sections = RecordForm(SPEC, initial={"kind": "a"}).sections()
    assert [section.table.name for section in sections] == ["first", "second"]
    assert [[question.name for question in section.needed] for section in sections] == [["size", "count"], ["built", "grade"]]
    assert [[question.name for question in section.optional] for section in sections] == [["extra"], ["heated", "kind"]]
    assert [section.answered for section in sections] == [0, 1]


def test_a_fault_of_an_optional_question_opens_it():
    form = RecordForm(SPEC, {**texts_of(SPEC.example()), "extra": "much"})
    with pytest.raises(RecordsRefused) as refused:
        RecordValidator(SPEC).validate([form.record()])
    form.refuse(refused.value.errors_by_row[0])
    assert [section.is_open for section in form.sections()] == [True, False]


@pytest.mark.parametrize(
    ("name", "typed", "message"),
    [
        ("size", "1440,500", "Size must be a number, digits only with a point for decimals; got '1440,500'."),
        ("count", "1,5", "Count must be a whole number; got 1.5."),
        ("size", "1_000", "Size must be a number, digits only with a point for decimals; got '1_000'."),
        ("size", "１２", "Size must be a number, digits only with a point for decimals; got '１２'."),
        ("size", "nan", "Size must be a number, digits only with a point for decimals; got 'nan'."),
        ("size", "", "Size is needed."),
        ("size", "   ", "Size is needed."),
        ("size", "2001", "Size must be from 0 to 2000; got 2001."),
        ("size", "1\x000", "Size must be a number, digits only with a point for decimals; got '1\N{REPLACEMENT CHARACTER}0'."),
        ("count", "1.5", "Count must be a whole number; got 1.5."),
        ("heated", "perhaps", "Heated must be true or false (yes or no in a form or a file); got 'perhaps'."),
        ("built", "05/05/2005", "Built must be a date written as YYYY-MM-DD; got '05/05/2005'."),
        ("built", "2011-01-01", "Built must be a day from 2000-01-01 to 2010-12-31."),
        ("grade", "5", "Grade must be one of 1, 2, 3, 4; got 5."),
        ("kind", "b", "Kind must be one of a, none; got 'b'."),
    ],
)
def test_each_fault_has_the_validators_message(name, typed, message):
    assert faults_of({name: typed}) == {name: message}


def test_1e999_is_refused():
    assert faults_of({"size": "1e999"}).keys() == {"size"}


def test_all_faults_come_at_once_each_with_the_id_of_its_control():
    form = RecordForm(SPEC, {})
    with pytest.raises(RecordsRefused) as refused:
        RecordValidator(SPEC).validate([form.record()])
    form.refuse(refused.value.errors_by_row[0])
    assert form.faults() == [
        ("id_size", "Size is needed."),
        ("id_count", "Count is needed."),
        ("id_built", "Built is needed."),
        ("id_grade_0", "Grade is needed."),
    ]
