import pytest

from ml_model.errors import ReleaseError
from ml_model.releases import FILE, Releases, add_release, check_version, promote, read_releases

ONE, TWO = "1" * 64, "2" * 64


def test_without_a_file_there_is_no_release(tmp_path):
    assert read_releases(tmp_path) == read_releases(tmp_path / "missing") == Releases(live="", manifests={})


def test_the_first_goes_live_and_a_later_one_waits(tmp_path):
    add_release("1.0.0", ONE, tmp_path)
    assert read_releases(tmp_path) == Releases(live="1.0.0", manifests={"1.0.0": ONE})
    add_release("1.1.0", TWO, tmp_path)
    assert read_releases(tmp_path) == Releases(live="1.0.0", manifests={"1.0.0": ONE, "1.1.0": TWO})


def test_promotion_and_rollback(tmp_path):
    add_release("1.0.0", ONE, tmp_path)
    first = (tmp_path / FILE).read_text()
    add_release("1.1.0", TWO, tmp_path)
    waiting = (tmp_path / FILE).read_text()
    promote("1.1.0", tmp_path)
    assert read_releases(tmp_path).live == "1.1.0"
    # A release is a change of one line, and its revert is the rollback.
    promoted = (tmp_path / FILE).read_text()
    assert [(a, b) for a, b in zip(waiting.splitlines(), promoted.splitlines(), strict=True) if a != b] == [
        ('live = "1.0.0"', 'live = "1.1.0"')
    ]
    promote("1.0.0", tmp_path)
    assert (tmp_path / FILE).read_text() == waiting != first
    assert [path.name for path in tmp_path.iterdir()] == [FILE]


def test_only_a_listed_release_is_promoted(tmp_path):
    add_release("1.0.0", ONE, tmp_path)
    before = (tmp_path / FILE).read_bytes()
    with pytest.raises(ReleaseError, match=r"release '1\.0\.1' is not listed in releases\.toml\. Did you mean '1\.0\.0'\?"):
        promote("1.0.1", tmp_path)
    with pytest.raises(ReleaseError, match=r"release '\.\./x' is not listed"):
        promote("../x", tmp_path)
    assert (tmp_path / FILE).read_bytes() == before


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
        (b"\xff\xfe", "codec can't decode"),
        (b"\x00\x01", "cannot be read"),
        (b'live = "1.0.0"', "manifests: Field required"),
        (b'live = 1\n[manifests]\n"1.0.0" = "x"', "live: Input should be a valid string"),
        (b'live = "1.0.0"\n[manifests]\n"1.0.0" = 5', "manifests.1.0.0: Input should be a valid string"),
        (b'live = ""\ncanry = "1.0.0"\n[manifests]\n', "canry: Extra inputs"),
        (b'live = "1.0.0"\n[manifests]\n', "release '1.0.0' is not listed"),
        (b'live = "1.0.1"\n[manifests]\n"1.0.0" = "x"', "Did you mean '1.0.0'?"),
        (b'live = "1.0.0"\nlive = "1.0.1"\n[manifests]\n', "Cannot overwrite a value"),
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


@pytest.mark.parametrize("version", ["0.0.0", "1.0.0", "10.20.30", "2026.11.23"])
def test_versions(version):
    assert check_version(version) == version


@pytest.mark.parametrize(
    "version",
    [
        "",
        "1",
        "1.0",
        "1.0.0.0",
        "v1.0.0",
        "01.0.0",
        "1.0.0-rc1",
        "1.0.0+x",
        " 1.0.0",
        "1.0.0\n",
        "1.0.x",
        "../1.0.0",
        "１.0.0",
        "-1.0.0",
        "latest",
    ],
)
def test_what_is_no_version(version):
    with pytest.raises(ReleaseError, match=r"write MAJOR\.MINOR\.PATCH"):
        check_version(version)
