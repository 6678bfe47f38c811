import pytest

import ml_model.__main__ as command_line
from ml_model import promotion, release_commands
from ml_model.artifacts import GateResult
from ml_model.releases import FILE, read_releases


@pytest.fixture
def run(trained, released, adopt, monkeypatch, capsys):
    """Runs one command over the small houses and the same release once more as 1.1.0; returns exit code, output and errors."""
    adopt(trained, "1.1.0", released["house"])
    monkeypatch.setattr(release_commands, "TRAINED", trained)
    judge(monkeypatch, GateResult(name="live", passed=True, value=0.0, limit="less", detail="no difference"))

    def run(*arguments):
        code = command_line.main(list(arguments))
        return code, *capsys.readouterr()

    return run


def judge(monkeypatch, *results):
    monkeypatch.setattr(promotion, "_judged", lambda *_: list(results))


def failed(name):
    return GateResult(name=name, passed=False, value=2.0, limit="at most 1", detail="it is 2")


def test_promote_and_roll_back(run, trained):
    code, output, errors = run("promote", "1.1.0", "--reason", "spring")
    assert (code, errors) == (0, "")
    assert output == "1 of 1 gates passed\n1.1.0 is live from the next start, in the place of 1.0.0\n"
    assert read_releases(trained).live == "1.1.0"
    assert run("rollback", "--reason", "complaints") == (0, "1.0.0 is live from the next start, in the place of 1.1.0\n", "")
    assert [entry.reason for entry in read_releases(trained).history[-2:]] == ["spring", "complaints"]
    code, output, errors = run("rollback")
    assert (code, output) == (1, "")
    assert errors.startswith("error: the history of releases.toml knows no release")


def test_a_refusal_has_one_line_per_failed_gate(run, trained, monkeypatch):
    judge(monkeypatch, failed("live"), failed("slice.old"))
    before = (trained / FILE).read_bytes()
    code, output, errors = run("promote", "1.1.0")
    assert (code, output) == (1, "")
    assert errors.splitlines() == [
        "gate live: it is 2 (must be: at most 1)",
        "gate slice.old: it is 2 (must be: at most 1)",
        "error: release 1.1.0 is refused by 2 gate(s): live, slice.old",
    ]
    assert (trained / FILE).read_bytes() == before


@pytest.mark.parametrize("reason", ["", "  "])
def test_an_override_without_a_reason_is_refused(run, trained, reason):
    code, _, errors = run("promote", "1.1.0", "--override", reason)
    assert code == 1
    assert errors.startswith("error: an override needs its reason: --override ")
    assert read_releases(trained).live == "1.0.0"


def test_an_override_is_seen(run, monkeypatch):
    judge(monkeypatch, failed("live"))
    code, output, _ = run("promote", "1.1.0", "--override", "the law changed")
    assert code == 0
    assert output.startswith("overridden: live: it is 2\n0 of 1 gates passed\n")
    assert "because: the law changed, gates overridden" in run("show", "1.1.0")[1]


def test_the_list_says_what_is_live_and_by_what(run, monkeypatch):
    one, other = run("list")[1].splitlines()
    assert one.startswith("1.0.0  ")
    assert one.endswith("  live by releases.toml")
    assert other.startswith("1.1.0  20")
    assert "train 1.1.0 by " in other
    assert "live" not in other
    monkeypatch.setenv("INHOUSE_LIVE", "1.1.0")
    one, other = run("list")[1].splitlines()
    assert one.endswith("live in releases.toml, which INHOUSE_LIVE overrides")
    assert other.endswith("live by INHOUSE_LIVE")
    assert "but INHOUSE_LIVE is set here, and keeps 1.1.0 live until it is unset" in run("promote", "1.1.0")[1]
    monkeypatch.setenv("INHOUSE_LIVE", "1.2.0")
    assert run("list")[:2] == (1, "")


def test_the_list_is_in_the_order_of_versions(run, trained, released, adopt):
    for version in ("1.10.0", "1.2.0", "1.10.0-rc.1"):
        adopt(trained, version, released["house"])
    listed = [line.split()[0] for line in run("list")[1].splitlines()]
    assert listed == ["1.0.0", "1.1.0", "1.2.0", "1.10.0-rc.1", "1.10.0"]


def test_show(run, trained):
    run("promote", "1.1.0", "--reason", "spring")
    code, output, errors = run("show", "1.1.0")
    assert (code, errors) == (0, "")
    title, *lines = output.splitlines()
    assert title == "small-houses 1.1.0  live by releases.toml"
    assert f"  manifest sha256 {read_releases(trained).manifests['1.1.0']}" in lines
    assert any(line.startswith("  Root mean squared logarithmic error 0.") for line in lines)
    assert any(line.startswith("  passed  data: ") for line in lines)
    assert sum("spring" in line for line in lines) == 1
    assert sum(" 1.1.0 by " in line for line in lines) == 2
    assert "promote 1.1.0" in run("show", "1.0.0")[1]
    assert run("show", "1.0.1")[2] == "error: release '1.0.1' is not listed in releases.toml. Did you mean '1.0.0'?\n"


def test_a_list_of_nothing(run, trained):
    (trained / FILE).unlink()
    assert run("list") == (1, "", "error: there is no release to list; run 'python -m ml_model train'\n")
