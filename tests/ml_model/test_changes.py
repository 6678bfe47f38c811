import copy

from ml_model.changes import Change, changes_between


def test_a_release_does_not_differ_from_itself(scorers):
    scorer = scorers["house"]
    assert changes_between(scorer.manifest, scorer.manifest, (scorer.spec, scorer.spec)) == []
    assert changes_between(scorer.manifest, scorer.manifest) == []


def test_everything_that_was_changed_is_named(scorers, tree, parse):
    scorer = scorers["house"]
    before, old = scorer.manifest, parse(copy.deepcopy(tree))
    tree["field"][0]["label"] = "Living area"
    tree["field"] = [one for one in tree["field"] if one["name"] != "grade"]
    tree["field"].append({**tree["field"][0], "name": "attic", "column": "Attic"})
    tree["derived"][0]["expression"] = "log(lot + 1)"
    tree["estimator"]["linear"]["alpha"] = 2.0
    new = parse(tree)
    after = before.model_copy(
        update={
            "data": before.data.model_copy(update={"sha256": "f" * 64, "rows": before.data.rows + 1000}),
            "libraries": before.libraries | {"numpy": "0.0.1"},
            "code": before.code.model_copy(update={"commit": "elsewhere"}),
            "hyperparameters": {"estimator": new.estimator.model_dump(mode="json"), "interval": {}},
        }
    )
    bare = before.model_copy(update={"hyperparameters": {"estimator": old.estimator.model_dump(mode="json"), "interval": {}}})
    found = {(one.kind, one.name): one for one in changes_between(bare, after, (old, new))}
    assert {name for kind, name in found if kind == "field"} == {"area.label", "grade", "attic"}
    assert found["field", "grade"] == Change(kind="field", name="grade", before="Grade", after="")
    assert found["derived feature", "log_lot"].after == "log(lot + 1)"
    assert found["hyperparameter", "estimator.linear.alpha"].before == "1.0"
    assert {name for kind, name in found if kind == "data"} == {"SHA-256", "rows"}
    assert [name for kind, name in found if kind == "library"] == ["numpy"]
    assert found["code", "commit"].after == "elsewhere"
    assert len(found) == 9


def test_a_bundle_of_before_hyperparameters_were_recorded(scorers):
    scorer = scorers["house"]
    old = scorer.manifest.model_copy(update={"hyperparameters": {}})
    assert changes_between(old, scorer.manifest, (scorer.spec, scorer.spec)) == []
    assert changes_between(old, scorer.manifest) == []


def test_without_the_contracts_their_digests_are_compared(scorers):
    manifest = scorers["house"].manifest
    (change,) = changes_between(manifest, manifest.model_copy(update={"spec_sha256": "0"}))
    assert (change.kind, change.name, change.after) == ("contract", "model.toml", "0")
