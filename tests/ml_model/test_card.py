import pytest

from ml_model.artifacts import Metric
from ml_model.card import METRIC_WORDS, metric_in_words, render_card


@pytest.mark.parametrize("name", ["penguins", "credit", "concrete", "house"])
def test_a_card_tells_what_the_release_is(name, scorers, released):
    scorer = scorers[name]
    spec, manifest = scorer.spec, scorer.manifest
    card = render_card(spec, manifest)
    assert card == (released[name] / "1.0.0" / "card.md").read_text("utf-8")
    assert card.startswith(f"# {spec.model.title}, release 1.0.0\n")
    assert card.endswith("|\n")
    for told in (spec.model.summary, spec.model.intended_use, spec.model.limits, manifest.data.origin, manifest.data.licence):
        assert told in card
    for told in (manifest.data.sha256, manifest.data.file, manifest.trained_at, manifest.code.commit, manifest.python):
        assert told in card
    for library, number in manifest.libraries.items():
        assert f"| {library} | {number} |" in card
    for metric, figure in manifest.metrics.items():
        assert f"| {METRIC_WORDS[metric]} | {metric_in_words(spec, metric, figure)} |" in card
    data = manifest.data
    assert f"{data.rows:,} rows: {data.train_rows:,} to learn from, {data.test_rows:,} held out" in card


def test_a_card_says_when_the_code_was_not_committed(scorers):
    scorer = scorers["house"]
    manifest = scorer.manifest
    for clean in (True, False):
        code = manifest.code.model_copy(update={"clean": clean})
        card = render_card(scorer.spec, manifest.model_copy(update={"code": code}))
        assert ("with changes that were not committed" in card) is not clean


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("coverage", "91.2% (90.0% to 92.3%)"),
        ("accuracy", "91.2% (90.0% to 92.3%)"),
        ("median_ape", "91.2% (90.0% to 92.3%)"),
        ("rmse", "$0.91 ($0.90 to $0.92)"),
        ("mae", "$0.91 ($0.90 to $0.92)"),
        ("r2", "0.9123 (0.9000 to 0.9234)"),
        ("log_loss", "0.9123 (0.9000 to 0.9234)"),
    ],
)
def test_figures_in_words(name, words, tree, parse):
    tree["target"] |= {"prefix": "$", "decimals": 2}
    assert metric_in_words(parse(tree), name, Metric(value=0.9123, low=0.9, high=0.9234)) == words


def test_amounts_are_set_apart_by_thousands(house):
    assert metric_in_words(house, "rmse", Metric(value=12345.6, low=1e4, high=2e4)) == "12,346 (10,000 to 20,000)"
