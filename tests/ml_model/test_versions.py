"""Semantic versions: the examples of the specification, and what must hold for every version."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ml_model.errors import ReleaseError
from ml_model.versions import LONGEST, Part, Version, following, parse

# Paragraphs 9 to 11 of https://semver.org/spec/v2.0.0.html
ASCENDING = [
    "1.0.0-alpha",
    "1.0.0-alpha.1",
    "1.0.0-alpha.beta",
    "1.0.0-beta",
    "1.0.0-beta.2",
    "1.0.0-beta.11",
    "1.0.0-rc.1",
    "1.0.0",
]
ASCENDING_RELEASES = ["1.0.0", "2.0.0", "2.1.0", "2.1.1"]
EXAMPLES = [
    "1.9.0",
    "1.0.0-alpha",
    "1.0.0-alpha.1",
    "1.0.0-0.3.7",
    "1.0.0-x.7.z.92",
    "1.0.0-x-y-z.--",
    "1.0.0-alpha+001",
    "1.0.0+20130313144700",
    "1.0.0-beta+exp.sha.5114f85",
    "1.0.0+21AF26D3----117B344092BD",
]
# Those that the specification's suggested expression must not match, https://regex101.com/r/vkijKf/1/
WRONG = [
    "1",
    "1.2",
    "1.2.3-0123",
    "1.2.3-0123.0123",
    "1.1.2+.123",
    "+invalid",
    "-invalid",
    "alpha",
    "alpha.beta.1",
    "1.0.0-alpha_beta",
    "1.0.0-alpha..1",
    "01.1.1",
    "1.01.1",
    "1.1.01",
    "1.2.3.DEV",
    "1.2.31.2.3----RC-SNAPSHOT.12.09.1--..12+788",
    "9.8.7+meta+meta",
    "1.0.0-",
    "1.0.0+",
    "",
    "v1.0.0",
    " 1.0.0",
    "1.0.0\n",
    "１.0.0",
    "1.0.0-é",
    "-1.0.0",
    "1.0.0-" + "a" * LONGEST,
    "9" * 5000 + ".0.0",
]

_WORDS = st.text("abZ09-", min_size=1, max_size=4)
_NUMBERS = st.integers(0, 10**20)
_PRERELEASES = st.lists(_NUMBERS.map(str) | _WORDS.filter(lambda word: not word.isdigit()), max_size=4)
VERSIONS = st.builds(
    lambda major, minor, patch, prerelease, build: Version(
        major=major, minor=minor, patch=patch, prerelease=tuple(prerelease), build=tuple(build)
    ),
    st.integers(0, 3),
    st.integers(0, 3),
    st.integers(0, 10**9),
    st.lists(st.integers(0, 12).map(str) | st.sampled_from(["a", "b", "a-", "-", "0a", "A"]), max_size=3) | _PRERELEASES,
    st.lists(_WORDS, max_size=2),
).filter(lambda version: len(str(version)) <= LONGEST)


@pytest.mark.parametrize("text", EXAMPLES)
def test_the_examples_of_the_specification_are_read_and_written_back(text: str) -> None:
    assert str(parse(text)) == text


@pytest.mark.parametrize("text", WRONG)
def test_anything_else_is_refused_on_one_line_that_shows_how_to_write_it(text: str) -> None:
    with pytest.raises(ReleaseError, match=r"is not a version; write MAJOR\.MINOR\.PATCH.*for example 1\.0\.1") as refused:
        parse(text)
    assert len(str(refused.value)) < 300


@pytest.mark.parametrize("ascending", [ASCENDING, ASCENDING_RELEASES])
def test_precedence_is_that_of_the_specification(ascending: list[str]) -> None:
    for one, other in itertools.combinations(ascending, 2):
        assert parse(one) < parse(other)
        assert not parse(other) < parse(one)
        assert parse(one) != parse(other)


def test_a_number_stands_below_a_word_and_words_are_compared_as_ascii() -> None:
    assert parse("1.0.0-99") < parse("1.0.0-A") < parse("1.0.0-a") < parse("1.0.0-aa")


def test_build_parts_are_kept_and_do_not_count() -> None:
    one, other = parse("1.0.0+a"), parse("1.0.0+b.2")
    assert (one.build, other.build) == (("a",), ("b", "2"))
    assert one == other
    assert not one < other
    assert hash(one) == hash(other)


@given(VERSIONS)
def test_every_version_is_read_as_it_was_written(version: Version) -> None:
    again = parse(str(version))
    assert (again, again.build) == (version, version.build)


@given(VERSIONS, VERSIONS, VERSIONS)
def test_the_order_is_total(one: Version, two: Version, three: Version) -> None:
    assert (one < two) + (one == two) + (two < one) == 1
    low, middle, high = sorted([one, two, three])
    assert low <= middle <= high
    assert low <= high


@given(VERSIONS, st.sampled_from(["patch", "minor", "major"]))
def test_a_raised_version_is_higher_and_is_a_release_proper(version: Version, part: Part) -> None:
    raised = version.bump(part)
    assert raised > version
    assert (raised.prerelease, raised.build) == ((), ())


@pytest.mark.parametrize(
    ("text", "part", "raised"),
    [
        ("1.2.3", "patch", "1.2.4"),
        ("1.2.3", "minor", "1.3.0"),
        ("1.2.3", "major", "2.0.0"),
        ("1.2.3-rc.1+b", "patch", "1.2.3"),
        ("1.2.3-rc.1", "minor", "1.3.0"),
        ("1.2.0-rc.1", "minor", "1.2.0"),
        ("1.2.0-rc.1", "major", "2.0.0"),
        ("2.0.0-rc.1", "major", "2.0.0"),
    ],
)
def test_the_prerelease_of_a_version_is_followed_by_that_version(text: str, part: Part, raised: str) -> None:
    assert str(parse(text).bump(part)) == raised


def test_a_prerelease_is_put_behind_a_version() -> None:
    assert str(parse("1.2.0+b").with_prerelease("rc.1")) == "1.2.0-rc.1"


@pytest.mark.parametrize("text", ["", "rc..1", "01", "rc_1", "rc.1+b", "a b", "a" * LONGEST])
def test_a_wrong_prerelease_is_refused(text: str) -> None:
    with pytest.raises(ReleaseError, match="for example"):
        parse("1.0.0").with_prerelease(text)


def test_the_following_version_is_after_the_highest_by_precedence_not_by_text() -> None:
    assert str(following(["1.9.0", "1.10.0", "1.10.0-rc.1"])) == "1.10.1"
    assert str(following(["1.9.0"], "major")) == "2.0.0"
    assert str(following([], "major")) == "1.0.0"
