"""Records by column: never accepts what the validator of single records refuses, and never reads it as something else."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ml_model.columns import ColumnReader
from ml_model.data import load_dataset
from ml_model.errors import RecordsRefused
from ml_model.features import encode_column
from ml_model.records import RecordValidator
from ml_model.scoring import Scorer
from ml_model.tables import NUMERIC

NAMES = ["penguins", "credit", "concrete", "house", "wide"]


class Text(str):
    __slots__ = ()


class Whole(int):
    pass


class Real(float):
    pass


class Mapped(dict):
    pass


ODD_VALUES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-3, 25),
    st.sampled_from([10**400, -(10**400), 2**53 + 1, 2**63, 2**62, 10**18, -1]),
    st.sampled_from([2.0, 2.5, -0.0, 0.0, -1e-320, math.nan, math.inf, -math.inf, 1e308, 1.0, 3.0]),
    st.floats(),
    st.sampled_from(["", "gas", "none", "2", "true", "gas\0", "\ud800", "GAS", " gas", "1e3", "Infinity"]),
    st.sampled_from(["2010-06-15", "2010-6-15", "2010-02-30", "20100615", "2010-06-15T00:00", "1989-12-31", "2031-01-01"]),
    st.sampled_from(["2010-W01-1", "٢٠١٠-٠٦-١٥", "2010-06-15\n", " 2010-06-15", "0000-00-00"]),
    st.text(max_size=3),
    st.builds(Text, st.sampled_from(["gas", "none", "2010-06-15"])),
    st.builds(Whole, st.integers(0, 5)),
    st.builds(Real, st.floats(0, 5)),
    st.builds(np.float64, st.floats(0, 5)),
    st.builds(np.int64, st.integers(0, 5)),
    st.sampled_from([[], {}, [1], b"gas", (), object()]),
)


def valid_values(field):
    """Values of a field that its validator accepts."""
    if field.kind in NUMERIC:
        low, high = field.range
        whole = st.integers(max(math.ceil(low), -(2**62)), min(math.floor(high), 2**62))
        values = st.one_of(whole, whole.map(float)) if field.kind == "integer" else st.one_of(whole, st.floats(low, high))
    elif field.kind == "boolean":
        values = st.booleans()
    elif field.kind == "date":
        values = st.sampled_from([field.earliest, field.latest, field.example])
    else:
        values = st.sampled_from(list(field.codes))
    return values if field.required else st.one_of(st.none(), values)


@st.composite
def valid_records(draw, spec):
    record = {field.name: draw(valid_values(field)) for field in spec.field}
    for field in spec.field:
        if not field.required and draw(st.booleans()):
            del record[field.name]
    return dict(draw(st.permutations(list(record.items()))))


@st.composite
def any_records(draw, spec):
    """Records of which most are valid but for one thing, because of two faults the first hides the second."""
    records = draw(st.lists(valid_records(spec), min_size=1, max_size=5))
    if draw(st.booleans()):
        return records
    row = draw(st.integers(0, len(records) - 1))
    match draw(st.sampled_from(["value", "value", "value", "key", "missing", "kind", "mapping"])):
        case "value":
            records[row][draw(st.sampled_from([field.name for field in spec.field]))] = draw(ODD_VALUES)
        case "key":
            records[row][draw(st.sampled_from(["", "areas", "\ud800", 5, None, Text("area"), "rooms "]))] = draw(ODD_VALUES)
        case "missing":
            records[row].pop(draw(st.sampled_from([field.name for field in spec.field])), None)
        case "kind":
            records[row] = draw(st.sampled_from([None, [], "gas", 5, (("area", 5),), list(records[row].items())]))
        case "mapping":
            records[row] = Mapped(records[row])
    return records


def is_the_same(reader, validator, spec, records):
    """That a block, where there is one, is what the validator says; returns whether there is one."""
    block = reader.read_records(records)
    if block is None:
        return False
    valid = validator.validate(records)
    # By repr, because 2 equals 2.0 and True, and 0.0 equals -0.0.
    assert repr(list(block.records())) == repr(valid)
    if block.given is not None:
        assert block.given is records
        assert repr([{name: record[name] for name in spec.fields} for record in records]) == repr(valid)
        assert all(map(len(spec.fields).__eq__, map(len, records)))
    for field in spec.field:
        expected = encode_column(field, [record[field.name] for record in valid])
        assert block.encoded[field.name].dtype == np.float64
        assert block.encoded[field.name].tobytes() == expected.tobytes()
    return True


@pytest.fixture(scope="module")
def wide(house, to_toml, parse):
    """The small houses with ranges beyond what a double can tell apart, negative ones, and other choices."""
    tree = house.model_dump(mode="json", exclude_none=True)
    tree.pop("behaviour", None)
    tree = {key: value for key, value in tree.items() if value}
    fields = {field["name"]: field for field in tree["field"]}
    fields["rooms"] |= {"range": [-1e300, 1e300], "trained": [-5.0, 5.0], "required": False}
    fields["lot"] |= {"range": [-1e6, 2.0**53], "required": False}
    fields["area"] |= {"range": [-0.5, 1e308]}
    fields["grade"]["choices"] = [["none", "None"], [1, "Poor"], [2, "Fair"], [3, "Good"]]
    for field in tree["field"]:
        for key in [key for key, value in field.items() if value in ("", [])]:
            del field[key]
    return parse(tree)


@pytest.fixture(scope="module")
def readers(specs, wide):
    every = specs | {"wide": wide}
    return {name: (ColumnReader(spec), RecordValidator(spec), spec) for name, spec in every.items()}


@pytest.mark.parametrize("name", NAMES)
@given(data=st.data())
@settings(max_examples=150)
def test_what_is_taken_is_what_the_validator_takes(name, readers, data):
    reader, validator, spec = readers[name]
    is_the_same(reader, validator, spec, data.draw(any_records(spec)))


@pytest.mark.parametrize("name", NAMES)
@given(data=st.data())
def test_what_is_plainly_valid_is_taken(name, readers, data):
    reader, validator, spec = readers[name]
    records = data.draw(st.lists(valid_records(spec), min_size=1, max_size=5))
    assert is_the_same(reader, validator, spec, records)


@pytest.mark.parametrize("name", NAMES[:3])
def test_every_row_of_a_data_set_is_taken(name, readers, data_folder):
    reader, validator, spec = readers[name]
    assert is_the_same(reader, validator, spec, load_dataset(spec, data_folder).records)


@pytest.mark.parametrize(
    ("name", "value", "taken"),
    [
        ("area", 0, 0.0),
        ("area", -0.0, 0.0),
        ("area", 10_000, 10_000.0),
        ("area", None, None),
        ("rooms", 2.0, 2),
        ("rooms", -0.0, 0),
        ("garden", True, True),
        ("garden", None, None),
        ("heating", "oil", "oil"),
        ("cellar", None, None),
        ("grade", 3, 3),
        ("sold", "2030-12-31", "2030-12-31"),
        ("sold", "1990-01-01", "1990-01-01"),
        ("sold", None, None),
    ],
)
def test_values_that_are_taken(name, value, taken, readers, record):
    reader, validator, spec = readers["house"]
    records = [record, record | {name: value}]
    assert is_the_same(reader, validator, spec, records)
    assert repr(reader.read_records(records).record(1)[name]) == repr(taken)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *[("area", value) for value in (True, "5", -1e-9, 10_000.1, math.nan, math.inf, 10**400, Real(5), [5], np.float64(5))],
        *[("rooms", value) for value in (2.5, False, "2", 21, -1, None, math.nan, 10**400, Whole(2))],
        *[("garden", value) for value in (1, 0.0, "yes", "")],
        *[("heating", value) for value in ("Gas", "", None, 0, "\ud800", Text("gas"), ["gas"])],
        *[("grade", value) for value in (True, 1.0, "1", 0, 4)],
        *[
            ("sold", value)
            for value in ("2010-6-1", "2010-02-30", "1989-12-31", "2031-01-01", "", 5, "2010-06-15\n", Text("2010-06-15"))
        ],
        ("nothing", 5),
    ],
)
def test_values_that_need_a_closer_look(name, value, readers, record):
    reader, _, _ = readers["house"]
    assert reader.read_records([record, record | {name: value}]) is None
    assert reader.read({**{key: [one, one] for key, one in record.items()}, name: [record.get(name), value]}) is None


@pytest.mark.parametrize("unknown", [False, True])
@pytest.mark.parametrize(
    "value", [2**53 + 1, 2**62, -(2**62), 2.0**62, 2**62 + 2**12, 2**63, 2.0**63, -(2**63), 2**64, 1e300, -(10**299)]
)
def test_integers_beyond_what_64_bits_hold_need_a_closer_look(value, unknown, readers, record):
    reader, validator, spec = readers["wide"]
    records = [record | {"rooms": value}, *([record | {"rooms": None}] if unknown else [])]
    assert is_the_same(reader, validator, spec, records) == (abs(value) <= 2**62)


def test_a_record_that_is_no_plain_one_needs_a_closer_look(readers, record):
    """Who derives from a dictionary may answer what he likes."""
    for odd in (Mapped(record), list(record), None, "gas"):
        assert readers["house"][0].read_records([record, odd]) is None


def test_fields_that_are_left_out_are_unknown(readers, record):
    reader, _, spec = readers["house"]
    needed = {name: record[name] for name, field in spec.fields.items() if field.required}
    (alone,) = reader.read_records([needed]).records()
    assert alone == {**dict.fromkeys(record), **needed}
    assert list(alone) == list(record)
    assert reader.read({name: [value] for name, value in needed.items()}).record(0) == alone
    for name in needed:
        assert reader.read_records([{key: value for key, value in needed.items() if key != name}]) is None


@pytest.mark.parametrize(
    ("change", "is_given"),
    [
        ({}, True),
        ({"area": 1500}, False),
        ({"area": 0.0}, True),
        ({"area": -0.0}, False),
        ({"area": None}, True),
        ({"rooms": 4.0}, False),
        ({"lot": 5000}, False),
    ],
)
def test_records_that_are_written_as_they_are_understood_are_handed_on(change, is_given, readers, record):
    """Whatever the order of their fields."""
    reader, _, _ = readers["house"]
    whole = {**record, "area": 1500.5, "lot": 5000.0} | change
    records = [dict(reversed(whole.items())), whole]
    block = reader.read_records(records)
    assert (block.given is records) == is_given
    assert reader.read({name: [value] for name, value in whole.items()}).given is None
    del records[0]["area"]
    assert reader.read_records(records).given is None


@pytest.mark.parametrize("columns", [{}, {"lot": []}, {"lot": [5000], "rooms": [4, 5]}, {"lots": [5000]}])
def test_columns_that_make_no_rows_are_not_taken(columns, readers):
    assert readers["house"][0].read(columns) is None


def test_a_spec_of_one_field(tree, parse):
    tree["field"] = [field for field in tree["field"] if field["name"] == "rooms"]
    del tree["derived"]
    spec = parse(tree)
    assert is_the_same(ColumnReader(spec), RecordValidator(spec), spec, [{"rooms": 3}, {"rooms": 4.0}])


# What is scored by column.


@pytest.fixture(scope="module")
def known(data_folder, specs, scorers):
    found = {name: load_dataset(specs[name], data_folder).records[:60] for name in NAMES[:3]}
    house = specs["house"].example()
    changes = [
        {"area": 4000.5, "rooms": 0}, {"heating": "wood"}, {"area": None, "sold": None}, {"area": 499.9, "heating": "wood"}, {},
        {"lot": 10}, {"rooms": 20}, {"cellar": None, "grade": None}, {"garden": None}, {"lot": 0},
    ]  # fmt: skip
    return {**found, "house": [house | change for change in changes]}


def numbers(score):
    return list(score.probabilities.values()) if score.probabilities else [score.value, score.low, score.high]


def same(one, other):
    assert (one.record, one.label, one.level, one.warnings) == (other.record, other.label, other.level, other.warnings)
    assert repr(one.record) == repr(other.record)
    numbers = [
        list((score.probabilities or {"": score.value, "low": score.low, "high": score.high}).values()) for score in (one, other)
    ]
    # A product of matrices sums in another order when it has more rows.
    np.testing.assert_allclose(*numbers, rtol=1e-13)


@pytest.mark.parametrize("name", NAMES[:4])
def test_many_are_scored_as_one_by_one(name, scorers, known, monkeypatch):
    scorer: Scorer = scorers[name]
    alone = [scorer.score([record])[0] for record in known[name]]
    columns = {key: [record[key] for record in known[name]] for key in known[name][0]}
    monkeypatch.setattr(scorer.validator, "validate", None)
    for many in (scorer.score(known[name]), scorer.score_columns(columns)):
        for one, other in zip(alone, many, strict=True):
            same(one, other)
    if name == "house":
        assert [len(one.warnings) for one in alone] == [2, 1, 1, 2, 0, 1, 1, 1, 1, 1]


def test_few_are_read_one_by_one(scorers, record, monkeypatch):
    scorer = scorers["house"]
    monkeypatch.setattr(scorer._reader, "read_records", None)
    assert len(scorer.score([record] * 8)) == 8
    with pytest.raises(TypeError):
        scorer.score([record] * 9)


@pytest.mark.parametrize(
    "change", [{"rooms": 99}, {"area": True}, {"heating": "coal"}, {"sold": "2010-02-30"}, {"area": math.nan}]
)
def test_columns_are_refused_as_records_are(change, scorers, record):
    scorer = scorers["house"]
    records = [record] * 5 + [record | change] + [record] * 5 + [record | {"lot": -1}]
    columns = {key: [one[key] for one in records] for key in record}
    refusals = []
    for ask in (lambda: scorer.score(records), lambda: scorer.score_columns(columns)):
        with pytest.raises(RecordsRefused) as refused:
            ask()
        refusals.append(refused.value.errors_by_row)
    assert refusals[0] == refusals[1]
    assert list(refusals[0]) == [5, 11]


def test_a_column_that_is_not_known_and_one_that_is_missing_are_refused(scorers, record):
    scorer = scorers["house"]
    columns = {key: [value] * 3 for key, value in record.items()}
    with pytest.raises(RecordsRefused) as refused:
        scorer.score_columns(columns | {"areas": [1, 2, 3]})
    assert {row: [(fault.pointer, fault.code) for fault in faults] for row, faults in refused.value.errors_by_row.items()} == {
        row: [("/areas", "unknown_field")] for row in range(3)
    }
    del columns["rooms"]
    with pytest.raises(RecordsRefused) as refused:
        scorer.score_columns(columns)
    assert {fault.code for faults in refused.value.errors_by_row.values() for fault in faults} == {"required"}


@pytest.mark.parametrize("columns", [{}, {"lot": [], "rooms": [], "heating": []}])
def test_no_columns_have_no_answers(columns, scorers):
    assert scorers["house"].score_columns(columns) == []


def test_columns_that_are_valid_but_odd_are_scored(scorers, record):
    """What the reader of columns leaves to the validator, and that accepts."""
    scorer = scorers["house"]
    columns = {key: [value] * 2 for key, value in record.items()} | {"area": [Real(1500.5), 1500.5]}
    one, other = scorer.score_columns(columns)
    same(one, other)
