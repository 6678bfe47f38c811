import inspect

import pytest
from pydantic import BaseModel, ValidationError

from ml_model import errors
from ml_model.errors import (
    BundleRefused,
    CompilationError,
    ExpressionError,
    FieldError,
    ModelError,
    RecordsRefused,
    SpecError,
    TrainingError,
    in_one_line,
    nearest,
)


def test_all_exceptions_are_of_one_family():
    family = [one for _, one in inspect.getmembers(errors, inspect.isclass) if one.__module__ == errors.__name__]
    exceptions = [one for one in family if issubclass(one, Exception)]
    assert len(exceptions) == 11
    assert all(issubclass(one, ModelError) for one in exceptions)


@pytest.mark.parametrize(
    ("word", "hint"),
    [
        ("lable", " Did you mean 'label'?"),
        ("label", " Did you mean 'label'?"),
        ("zzz", ""),
        ("", ""),
        ("uint", " Did you mean 'unit'?"),
    ],
)
def test_nearest_known_word(word, hint):
    assert nearest(word, ["label", "unit"]) == hint


def test_nearest_of_nothing():
    assert nearest("label", []) == ""


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (SpecError("model.task", "is missing"), "model.toml: model.task: is missing"),
        (ExpressionError("a ~ b", "is odd"), "expression 'a ~ b': is odd"),
        (TrainingError("fit", ValueError("no rows")), "training stopped in stage 'fit': no rows"),
        (CompilationError("a forest"), "a forest cannot be compiled"),
        (BundleRefused("1.0.0", "it is empty"), "release bundle 1.0.0 refused: it is empty"),
    ],
)
def test_each_writes_its_own_message(error, words):
    assert str(error) == words


def test_errors_name_what_they_are_about():
    assert SpecError("model.task", "").key == "model.task"
    assert TrainingError("fit", ValueError()).stage == "fit"


def test_field_error_in_a_list():
    error = FieldError(pointer="/rooms", code="range", detail="Too many.")
    assert error.field == "rooms"
    assert error.at(3) == FieldError(pointer="/3/rooms", code="range", detail="Too many.")
    assert error.at(3).field == "rooms"


def test_fault_of_a_whole_record_has_no_field():
    error = FieldError(pointer="", code="record", detail="Not an object.")
    assert error.field == ""
    assert error.at(2).pointer == "/2"


def test_refusal_tells_the_first_fault_and_keeps_all():
    first = FieldError(pointer="/rooms", code="range", detail="Too many.")
    second = FieldError(pointer="", code="record", detail="Not an object.")
    refused = RecordsRefused({4: [first], 7: [second]})
    assert str(refused) == "2 record(s) refused; first: record 4, /rooms: Too many."
    assert refused.errors_by_row == {4: [first], 7: [second]}
    assert str(RecordsRefused({7: [second]})) == "1 record(s) refused; first: record 7, whole record: Not an object."


def test_message_of_a_library_on_one_line():
    class Pair(BaseModel):
        first: int
        second: int

    with pytest.raises(ValidationError) as several:
        Pair.model_validate({"first": "x"})
    assert in_one_line(several.value).startswith("first: Input should be a valid integer")
    assert "\n" not in in_one_line(several.value)
    assert in_one_line(ValueError("two\n lines ")) == "two lines"
