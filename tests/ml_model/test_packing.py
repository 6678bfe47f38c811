import json
from dataclasses import replace

from ml_model.artifacts import COMPILED, PARITY, Parity, read_bundle
from ml_model.packing import pack
from ml_model.releases import read_releases


def test_what_is_packed_is_what_a_training_wrote(released):
    folder = released["concrete"] / "1.0.0"
    bundle = read_bundle(folder, read_releases(released["concrete"]).manifest_of("1.0.0"))
    text = (folder / "model.toml").read_text("utf-8")
    packed = pack(text, bundle, bundle.golden.records[1:])
    for name in ("model.toml", "calibration.json", "profile.json", COMPILED, PARITY):
        assert packed.files[name] == (folder / name).read_bytes()
    assert json.loads(packed.files["golden.json"]) == json.loads((folder / "golden.json").read_text("utf-8"))
    assert packed.scorer.version == "1.0.0"


def test_without_a_compiled_form_the_certificate_says_why(released):
    folder = released["concrete"] / "1.0.0"
    bundle = read_bundle(folder, read_releases(released["concrete"]).manifest_of("1.0.0"))
    reason = Parity(holds=False, tolerance=1e-9, trials={}, reason="too far apart")
    packed = pack("", replace(bundle, compiled=None, parity=reason), bundle.golden.records[1:])
    assert COMPILED not in packed.files
    assert Parity.model_validate_json(packed.files[PARITY]) == reason
