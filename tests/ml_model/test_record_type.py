"""The type of a record by itself; ``test_records`` tries it through the validator, and its JSON Schema."""

import pytest
from pydantic import TypeAdapter, ValidationError
from pydantic_core import PydanticCustomError

from ml_model.record_type import day_between, record_type


@pytest.mark.parametrize(
    ("day", "problem"),
    [
        ("2020-01-05", None),
        ("2024-09-30", None),
        ("2020-01-04", "date_range"),
        ("2024-10-01", "date_range"),
        ("2021-02-30", "date_type"),
        ("2021-2-3", "date_type"),
        ("2021-02-03\n", "date_type"),
        ("", "date_type"),
        (20210203, "date_type"),
    ],
)
def test_a_day_between_two_days(day, problem):
    check = day_between("2020-01-05", "2024-09-30")
    if problem is None:
        assert check(day) == day
        return
    with pytest.raises(PydanticCustomError) as refused:
        check(day)
    assert refused.value.type == problem


def test_a_record_is_a_dictionary_with_the_fields_of_the_spec(house, record):
    check = TypeAdapter(record_type(house)).validate_python
    assert check(record) == record
    assert check({name: value for name, value in record.items() if house.fields[name].required}).keys() < record.keys()
    with pytest.raises(ValidationError, match="extra_forbidden"):
        check(record | {"colour": "red"})
    with pytest.raises(ValidationError, match="not_whole"):
        check(record | {"rooms": 2.5})
