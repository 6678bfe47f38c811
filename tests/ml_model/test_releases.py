import multiprocessing
import os
import tomllib

import pytest

from ml_model import releases as releases_module
from ml_model.errors import ReleaseError
from ml_model.releases import (
    FILE,
    OVERRIDE,
    Entry,
    Live,
    Releases,
    _write,
    add_release,
    check_version,
    live_before,
    live_version,
    read_releases,
    set_live,
)

ONE, TWO, THREE = "1" * 64, "2" * 64, "3" * 64


@pytest.fixture(autouse=True)
def _author(monkeypatch):
    monkeypatch.setattr(releases_module, "_who", lambda folder: "Ada")


@pytest.fixture
def two(tmp_path):
    """A folder with two releases, of which the first is live."""
    add_release("1.0.0", ONE, tmp_path)
    add_release("1.1.0", TWO, tmp_path, gates=THREE)
    return tmp_path


def promote(version, trained):
    set_live("promote", version, trained, previous=read_releases(trained).live)


def roll_back(trained):
    releases = read_releases(trained)
    set_live("rollback", live_before(releases), trained, previous=releases.live)


def test_without_a_file_there_is_no_release(tmp_path):
    assert read_releases(tmp_path) == read_releases(tmp_path / "missing") == Releases(live="", manifests={})


def test_the_first_goes_live_and_a_later_one_waits(two):
    releases = read_releases(two)
    assert (releases.live, releases.manifests) == ("1.0.0", {"1.0.0": ONE, "1.1.0": TWO})
    assert [(one.action, one.version, one.previous, one.gates) for one in releases.history] == [
        ("train", "1.0.0", "", ""),
        ("train", "1.1.0", "1.0.0", THREE),
    ]


def test_a_promotion_changes_the_line_live_and_adds_one_entry(two):
    before = (two / FILE).read_text().splitlines()
    set_live("promote", "1.1.0", two, previous="1.0.0", reason='A "test"\n of é \x7f', gates=TWO, overridden=True)
    after = (two / FILE).read_text().splitlines()
    changed = [(old, new) for old, new in zip(before, after, strict=False) if old != new]
    assert changed == [('live = "1.0.0"', 'live = "1.1.0"')]
    at, *added = after[len(before) + 2 :]
    assert at.startswith('at = "20')
    assert added == [
        'who = "Ada"',
        'action = "promote"',
        'version = "1.1.0"',
        'previous = "1.0.0"',
        'reason = "A \\"test\\" of é \\u007f"',
        f'gates = "{TWO}"',
        "overridden = true",
    ]
    assert [path.name for path in two.iterdir()] == [FILE]


def test_the_history_is_never_rewritten(two):
    first = read_releases(two).history
    promote("1.1.0", two)
    roll_back(two)
    add_release("1.2.0", THREE, two)
    history = read_releases(two).history
    assert history[:2] == first
    assert [one.action for one in history] == ["train", "train", "promote", "rollback", "train"]


@pytest.mark.parametrize("loss", ["entry", "changed entry", "manifest", "changed manifest"])
def test_a_write_that_would_lose_something_is_refused(two, loss):
    before = read_releases(two)
    changed = [before.history[0].model_copy(update={"who": "Eve"}), *before.history[1:]]
    after = {
        "entry": before.model_copy(update={"history": before.history[1:]}),
        "changed entry": before.model_copy(update={"history": changed}),
        "manifest": before.model_copy(update={"manifests": {"1.0.0": ONE}}),
        "changed manifest": before.model_copy(update={"manifests": {**before.manifests, "1.1.0": THREE}}),
    }[loss]
    content = (two / FILE).read_bytes()
    with pytest.raises(ReleaseError, match="only ever added to"):
        _write(two, before, after)
    assert (two / FILE).read_bytes() == content


def test_a_file_written_by_hand_without_history_is_read_and_goes_on(tmp_path):
    (tmp_path / FILE).write_text(f'live = "1.0.0"\n[manifests]\n"1.0.0" = "{ONE}"\n"1.1.0" = "{TWO}"\n')
    assert read_releases(tmp_path).history == []
    with pytest.raises(ReleaseError, match=r"knows no release that was live before '1\.0\.0'; promote one by name"):
        roll_back(tmp_path)
    promote("1.1.0", tmp_path)
    roll_back(tmp_path)
    assert read_releases(tmp_path).live == "1.0.0"


@pytest.mark.parametrize(
    ("acts", "before"),
    [
        (["p1.1.0"], "1.0.0"),
        (["p1.1.0", "p1.2.0"], "1.1.0"),
        (["p1.1.0", "p1.2.0", "r"], "1.0.0"),
        (["p1.1.0", "p1.2.0", "r", "r"], None),
        (["p1.1.0", "r"], None),
        (["p1.1.0", "r", "p1.2.0"], "1.0.0"),
        (["p1.1.0", "r", "p1.2.0", "r"], None),
        (["p1.1.0", "r", "p1.1.0"], "1.0.0"),
        (["p1.1.0", "p1.0.0"], "1.1.0"),
        (["p1.1.0", "p1.0.0", "p1.1.0", "r"], "1.1.0"),
        (["h1.1.0"], "1.0.0"),
        (["p1.1.0", "h1.0.0"], None),
        (["h1.1.0", "p1.2.0"], "1.1.0"),
        (["p1.1.0", "h1.2.0"], "1.1.0"),
        ([], None),
    ],
)
def test_a_rollback_goes_back_and_never_forward_again(two, acts, before):
    """p: promoted, r: rolled back, h: the line was changed by hand."""
    add_release("1.2.0", THREE, two)
    for act in acts:
        if act == "r":
            roll_back(two)
        elif act[0] == "p":
            promote(act[1:], two)
        else:
            path = two / FILE
            path.write_text(path.read_text().replace(f'live = "{read_releases(two).live}"', f'live = "{act[1:]}"', 1))
    if before:
        assert live_before(read_releases(two)) == before
    else:
        with pytest.raises(ReleaseError, match="promote one by name"):
            live_before(read_releases(two))


def test_only_a_listed_release_that_is_not_live_goes_live(two):
    before = (two / FILE).read_bytes()
    for version, problem in {
        "1.0.1": r"release '1\.0\.1' is not listed in releases\.toml\. Did you mean '1\.0\.0'\?",
        "../x": r"release '\.\./x' is not listed",
        "1.0.0": r"release 1\.0\.0 is live already",
    }.items():
        with pytest.raises(ReleaseError, match=problem):
            promote(version, two)
    with pytest.raises(ReleaseError, match=r"'1\.0\.0' went live meanwhile in the place of '0\.9\.0'; run the command again"):
        set_live("promote", "1.1.0", two, previous="0.9.0")
    assert (two / FILE).read_bytes() == before


@pytest.mark.parametrize("version", ["1.1.0", "1.1.0+build.5"])
def test_a_version_is_listed_once_whatever_its_build_parts(two, version):
    with pytest.raises(ReleaseError, match=r"release 1\.1\.0 exists already"):
        add_release(version, THREE, two)


def test_a_reason_that_cannot_be_written_is_refused(two):
    before = (two / FILE).read_bytes()
    for reason, problem in {"\udc80": "not UTF-8", "x" * 1001: "at most 1000"}.items():
        with pytest.raises(ReleaseError, match=problem):
            set_live("promote", "1.1.0", two, previous="1.0.0", reason=reason)
    assert (two / FILE).read_bytes() == before


def _add(trained, first, barrier):
    barrier.wait()
    for number in range(10):
        add_release(f"{first}.{number}.0", ONE, trained)


def test_processes_that_write_at_once_lose_nothing(tmp_path):
    context = multiprocessing.get_context("spawn")
    barrier = context.Barrier(3)
    writers = [context.Process(target=_add, args=(tmp_path, first, barrier)) for first in (1, 2, 3)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert [writer.exitcode for writer in writers] == [0, 0, 0]
    releases = read_releases(tmp_path)
    assert len(releases.manifests) == len(releases.history) == 30


def test_a_file_in_the_place_of_the_folder(tmp_path):
    (tmp_path / "trained").write_text("")
    with pytest.raises(ReleaseError, match=r"releases\.toml cannot be written: File exists"):
        add_release("1.0.0", ONE, tmp_path / "trained")


def test_the_environment_says_what_is_live_before_the_file_does(two, monkeypatch):
    releases = read_releases(two)
    for value, live in {"": Live("1.0.0", FILE), " ": Live("1.0.0", FILE), " 1.1.0 ": Live("1.1.0", OVERRIDE)}.items():
        monkeypatch.setenv(OVERRIDE, value)
        assert live_version(releases) == live
    monkeypatch.delenv(OVERRIDE)
    assert live_version(releases) == Live("1.0.0", FILE)


@pytest.mark.parametrize(
    ("value", "problem"), [("1.1.1", "Did you mean '1.1.0'?"), ("live", "is not a version"), ("../1.0.0", "is not a version")]
)
def test_an_override_that_names_no_release_is_refused(two, monkeypatch, value, problem):
    monkeypatch.setenv(OVERRIDE, value)
    with pytest.raises(ReleaseError) as refused:
        live_version(read_releases(two))
    assert str(refused.value).startswith("environment variable INHOUSE_LIVE: ")
    assert problem in str(refused.value)
    assert "\n" not in str(refused.value)


def test_digest_of_a_listed_release():
    releases = Releases(live="1.0.0", manifests={"1.0.0": ONE})
    assert releases.manifest_of("1.0.0") == ONE
    with pytest.raises(ReleaseError, match="is not listed"):
        releases.manifest_of("2.0.0")


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"", "live: Field required"),
        (b"live = ", "Invalid value"),
        (b"\xff\xff", "line 1: byte 0 is not UTF-8"),
        (b"\x00\x01", "cannot be read"),
        (b'live = "1.0.0"', "manifests: Field required"),
        (b'live = 1\n[manifests]\n"1.0.0" = "x"', "live: Input should be a valid string"),
        (b'live = "1.0.0"\n[manifests]\n"1.0.0" = 5', "manifests.1.0.0: Input should be a valid string"),
        (b'live = ""\ncanry = "1.0.0"\n[manifests]\n', "canry: Extra inputs"),
        (b'live = "1.0.0"\n[manifests]\n', "release '1.0.0' is not listed"),
        (b'live = "1.0.1"\n[manifests]\n"1.0.0" = "x"', "Did you mean '1.0.0'?"),
        (b'live = "1.0.0"\nlive = "1.0.1"\n[manifests]\n', "Cannot overwrite a value"),
        (b'live = ""\n[manifests]\n"../x" = "x"', "'../x' is not a version"),
        (b'live = ""\n[manifests]\n[[history]]\nat = "now"', "history.0.who: Field required"),
    ],
)
def test_a_file_that_is_wrong(content, problem, tmp_path):
    (tmp_path / FILE).write_bytes(content)
    with pytest.raises(ReleaseError) as refused:
        read_releases(tmp_path)
    assert problem in str(refused.value)
    assert "\n" not in str(refused.value)
    for change in (lambda: add_release("2.0.0", TWO, tmp_path), lambda: promote("1.0.0", tmp_path)):
        with pytest.raises(ReleaseError):
            change()
    assert (tmp_path / FILE).read_bytes() == content


def test_a_folder_in_the_place_of_the_file(tmp_path):
    (tmp_path / FILE).mkdir()
    with pytest.raises(ReleaseError, match="cannot be read"):
        read_releases(tmp_path)


def test_an_entry_says_who_and_when(tmp_path, monkeypatch):
    monkeypatch.undo()
    for name in ("GIT_CONFIG_GLOBAL", "GIT_CONFIG_SYSTEM"):
        monkeypatch.setenv(name, os.devnull)
    monkeypatch.setenv("LOGNAME", "grace")
    add_release("1.0.0", ONE, tmp_path)
    monkeypatch.setenv("GIT_CONFIG_COUNT", "1")
    monkeypatch.setenv("GIT_CONFIG_KEY_0", "user.name")
    monkeypatch.setenv("GIT_CONFIG_VALUE_0", "Grace Hopper")
    add_release("1.1.0", TWO, tmp_path)
    entries = tomllib.loads((tmp_path / FILE).read_text())["history"]
    assert [entry["who"] for entry in entries] == ["grace", "Grace Hopper"]
    assert all(entry["at"].endswith("+00:00") for entry in entries)
    assert entries[0].keys() == Entry.model_fields.keys()


@pytest.mark.parametrize("version", ["0.0.0", "10.20.30", "2026.11.23", "1.0.0-rc.1+build.5"])
def test_versions(version):
    assert check_version(version) == version


@pytest.mark.parametrize("version", ["", "1.0", "v1.0.0", "01.0.0", " 1.0.0", "1.0.0\n", "../1.0.0", "latest"])
def test_what_is_no_version(version):
    with pytest.raises(ReleaseError, match=r"write MAJOR\.MINOR\.PATCH"):
        check_version(version)
