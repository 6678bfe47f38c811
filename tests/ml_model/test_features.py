import datetime as dt

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ml_model.features import FeatureEncoder, encode_column
from ml_model.records import RecordValidator

NAMES = ("area", "rooms", "garden", "heating", "cellar", "grade", "sold", "log_lot", "area_unknown")


@pytest.fixture(scope="module")
def encoder(house):
    return FeatureEncoder(house)


def row_of(encoder, record):
    return dict(zip(encoder.names, encoder.matrix([record])[0].tolist(), strict=True))


def test_columns_are_features_in_the_order_of_the_spec_and_then_derived_ones(encoder):
    assert encoder.names == NAMES


def test_only_unordered_choices_are_marked(encoder):
    assert {encoder.names[position]: count for position, count in encoder.choices.items()} == {"heating": 3, "cellar": 3}


def test_values_of_a_record(encoder, record):
    assert row_of(encoder, record) == {
        "area": 1500.5,
        "rooms": 4.0,
        "garden": 1.0,
        "heating": 0.0,
        "cellar": 2.0,
        "grade": 1.0,
        "sold": float((dt.date(2010, 6, 15) - dt.date(1970, 1, 1)).days),
        "log_lot": pytest.approx(np.log(5000), rel=1e-15),
        "area_unknown": 0.0,
    }


@pytest.mark.parametrize(
    ("name", "value", "encoded"),
    [
        ("area", None, np.nan),
        ("area", 0.0, 0.0),
        ("area", 10_000.0, 10_000.0),
        ("rooms", 0, 0.0),
        ("rooms", 20, 20.0),
        ("garden", None, np.nan),
        ("garden", False, 0.0),
        ("garden", True, 1.0),
        ("heating", "gas", 0.0),
        ("heating", "wood", 2.0),
        ("cellar", None, np.nan),
        ("cellar", "none", 0.0),
        ("cellar", "part", 1.0),
        ("grade", None, np.nan),
        ("grade", 1, 0.0),
        ("grade", 3, 2.0),
        ("sold", None, np.nan),
        ("sold", "1970-01-01", 0.0),
        ("sold", "1969-12-31", -1.0),
        ("sold", "2000-03-01", 11017.0),
    ],
)
def test_unknown_none_and_zero_are_three_things(name, value, encoded, *, encoder, house, record):
    column = encode_column(house.fields[name], [value])
    assert column.dtype == np.float64
    np.testing.assert_array_equal(column, [encoded])
    np.testing.assert_array_equal(row_of(encoder, record | {name: value})[name], encoded)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("area", "1500"),
        ("area", "wide"),
        ("area", [1500.0]),
        ("area", b"1500"),
        ("rooms", "4"),
        ("garden", "yes"),
        ("garden", "1"),
        ("heating", 0),
        ("heating", ["gas"]),
        ("cellar", ""),
        ("cellar", float("nan")),
        ("grade", "1"),
        ("grade", 2.5),
        ("sold", 40_000),
        ("sold", "15.06.2010"),
        ("sold", ""),
    ],
)
def test_a_value_of_another_type_is_never_made_a_number(name, value, house):
    with pytest.raises((TypeError, ValueError, KeyError)):
        encode_column(house.fields[name], [value])


@pytest.mark.parametrize("value", ["12", b"12", "nan"])
def test_text_of_one_record_is_never_made_a_number(value, encoder, record):
    """Of a field that no derived feature reads."""
    with pytest.raises(TypeError):
        encoder.matrix([record | {"rooms": value}])


@pytest.mark.parametrize(
    ("name", "value"), [("heating", "sun"), ("cellar", "None"), ("cellar", "FULL"), ("grade", 4), ("grade", -1)]
)
def test_a_choice_that_the_spec_does_not_have_is_refused(name, value, house):
    with pytest.raises(KeyError):
        encode_column(house.fields[name], [value])


@pytest.mark.parametrize(
    ("name", "value"), [("area", 1e308), ("area", -1e308), ("area", 5e-324), ("rooms", 10**15), ("lot", 1e300)]
)
def test_extremes_stay_finite(name, value, *, encoder, house, record):
    np.testing.assert_array_equal(encode_column(house.fields[name], [value]), [float(value)])
    assert np.isfinite(encoder.matrix([record | {name: value}])).all()


def test_numbers_of_numpy_are_numbers(house):
    for value in (np.float64(2.5), np.float32(2.5), np.int64(2)):
        column = encode_column(house.fields["area"], [value])
        assert (column.dtype, column[0]) == (np.float64, float(value))


def test_a_change_of_one_answer_changes_its_own_columns_alone(encoder, record):
    other = record | {"heating": "wood"}
    before, after = row_of(encoder, record), row_of(encoder, other)
    assert {name for name in NAMES if before[name] != after[name]} == {"heating"}
    before, after = row_of(encoder, record), row_of(encoder, record | {"lot": 10.0})
    assert {name for name in NAMES if before[name] != after[name]} == {"log_lot"}


def test_derived_features_know_the_unknown(encoder, record):
    assert row_of(encoder, record | {"area": None})["area_unknown"] == 1.0
    assert np.isnan(row_of(encoder, record | {"lot": 0.0})["log_lot"])


def test_a_field_that_is_no_feature_stands_nowhere(tree, parse):
    tree["field"][0]["feature"] = False
    spec = parse(tree)
    encoder = FeatureEncoder(spec)
    assert encoder.names == NAMES[1:]
    assert encoder.matrix([spec.example()]).shape == (1, len(NAMES) - 1)
    assert {encoder.names[position] for position in encoder.choices} == {"heating", "cellar"}


def test_derived_features_alone(tree, parse):
    for field in tree["field"]:
        field["feature"] = False
    spec = parse(tree)
    encoder = FeatureEncoder(spec)
    assert encoder.names == ("log_lot", "area_unknown")
    assert encoder.choices == {}
    assert encoder.matrix([spec.example()] * 3).shape == (3, 2)


def test_no_records_make_an_empty_matrix(encoder):
    assert encoder.matrix([]).shape == (0, len(NAMES))


@given(st.permutations(range(8)))
def test_the_order_of_keys_does_not_matter(encoder, house, order):
    example = house.example()
    keys = list(example)
    shuffled = {keys[position]: example[keys[position]] for position in order}
    assert encoder.matrix([shuffled]).tobytes() == encoder.matrix([example]).tobytes()


records = st.lists(
    st.fixed_dictionaries(
        {
            "area": st.none() | st.floats(0, 10_000),
            "rooms": st.integers(0, 20),
            "garden": st.none() | st.booleans(),
            "heating": st.sampled_from(["gas", "oil", "wood"]),
            "cellar": st.sampled_from([None, "none", "part", "full"]),
            "grade": st.sampled_from([None, 1, 2, 3]),
            "sold": st.none() | st.dates(dt.date(1990, 1, 1), dt.date(2030, 12, 31)).map(str),
            "lot": st.floats(0, 1e6),
        }
    ),
    min_size=1,
    max_size=20,
)


@given(records)
def test_all_at_once_is_one_by_one(encoder, many):
    together = encoder.matrix(many)
    assert together.shape == (len(many), len(NAMES))
    assert together.dtype == np.float64
    assert not np.isinf(together).any()
    singly = np.vstack([encoder.matrix([record]) for record in many])
    assert together.tobytes() == singly.tobytes()


def test_many_rows_of_each_example(specs):
    """Those of the credit data have choices between their numbers."""
    for spec in specs.values():
        (example,) = RecordValidator(spec).validate([spec.example()])
        matrix = FeatureEncoder(spec).matrix([example] * 5000)
        assert matrix.shape == (5000, len(FeatureEncoder(spec).names))
        assert (matrix == FeatureEncoder(spec).matrix([example])).all()
