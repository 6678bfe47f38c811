import re

import pytest

from ml_model.artifacts import Parity
from ml_model.card import render_card
from ml_model.changes import Change
from ml_model.words import metric_in_words, metric_name


@pytest.mark.parametrize("name", ["penguins", "credit", "concrete", "house"])
def test_a_card_tells_what_the_release_is(name, scorers, released):
    scorer = scorers[name]
    spec, manifest = scorer.spec, scorer.manifest
    card = (released[name] / "1.0.0" / "card.md").read_text("utf-8")
    assert card.startswith(f"# {spec.model.title}, release 1.0.0\n")
    for told in (spec.model.summary, spec.model.intended_use, spec.model.limits, manifest.data.origin, manifest.data.licence):
        assert told in card
    for told in (manifest.data.sha256, manifest.data.file, manifest.trained_at, manifest.code.commit, manifest.python):
        assert told in card
    for library, number in manifest.libraries.items():
        assert f"| {library} | {number} |" in card
    for metric, figure in manifest.metrics.items():
        assert f"| {metric_name(metric)} | {metric_in_words(spec, metric, figure)} |" in card
    for gate in manifest.gates:
        assert f"| {gate.name} | passed | " in card
    for part in spec.slice:
        assert f"| {part.label} | {manifest.slices[part.name].rows} |" in card
    data = manifest.data
    assert f"{data.rows:,} rows: {data.train_rows:,} to learn from, {data.test_rows:,} held out" in card
    for image in re.findall(r"!\[[^]]+\]\(([^)]+)\)", card):
        assert (released[name] / "1.0.0" / image).is_file()


def test_a_release_of_before_slices_and_gates_has_a_card(scorers):
    scorer = scorers["house"]
    card = render_card(scorer.spec, scorer.manifest.model_copy(update={"slices": {}, "gates": [], "hyperparameters": {}}))
    assert "## Provenance" in card
    assert not re.search("## (Gates|Quality by slice|How sure|Changes)", card)


def test_a_card_says_when_the_code_was_not_committed(scorers):
    scorer = scorers["house"]
    manifest = scorer.manifest
    for clean in (True, False):
        code = manifest.code.model_copy(update={"clean": clean})
        card = render_card(scorer.spec, manifest.model_copy(update={"code": code}))
        assert ("with changes that were not committed" in card) is not clean


def test_text_cannot_break_out_of_its_cell(scorers):
    scorer = scorers["house"]
    change = Change(kind="field", name="a|b", before="one\ntwo", after="")
    card = render_card(scorer.spec, scorer.manifest.model_copy(update={"compared_with": "1.0.0"}), changes=[change])
    assert "| field | a\\|b | one two | – |" in card


def test_a_failed_gate_is_told_and_seconds_are_not(scorers):
    scorer = scorers["concrete"]
    gate = scorer.manifest.gates[0].model_copy(update={"passed": False, "detail": "seen 123.4"})
    slow = gate.model_copy(update={"name": "latency", "passed": True})
    card = render_card(scorer.spec, scorer.manifest.model_copy(update={"gates": [gate, slow]}))
    assert f"| {gate.name} | failed | {gate.limit} | seen 123.4 |" in card
    assert f"| latency | passed | {gate.limit} |  |" in card
    assert "Seconds (latency) are measured anew" in card


@pytest.mark.parametrize("name", ["penguins", "house"])
def test_a_card_tells_how_it_answers(name, scorers, released):
    parity = scorers[name].parity
    card = (released[name] / "1.0.0" / "card.md").read_text("utf-8")
    told = card.partition("## How it answers\n\n")[2].partition("\n\n")[0]
    assert f"run by onnxruntime {parity.runtime}" in told
    assert f"proved on {parity.rows:,} rows of {len(parity.trials)} kinds (data, jittered, " in told
    error = "relative error" if name == "house" else "difference of a probability"
    flips = "" if name == "house" else ", and each row gets the same class"
    assert f"the largest {error} beside scikit-learn is {parity.worst:.2g}{flips}; allowed is 1e-09." in told


def test_a_card_tells_why_scikit_learn_answers(scorers):
    scorer = scorers["house"]
    parity = Parity(holds=False, tolerance=1e-9, trials={}, reason="a forest cannot be compiled")
    card = render_card(scorer.spec, scorer.manifest, parity=parity)
    assert "## How it answers\n\nBy scikit-learn, because there is no compiled form of it: a forest cannot be compiled." in card
    assert "onnxruntime 1." not in card


def test_a_release_of_before_there_were_compiled_forms_tells_nothing_of_them(scorers):
    scorer = scorers["house"]
    assert "How it answers" not in render_card(scorer.spec, scorer.manifest)
