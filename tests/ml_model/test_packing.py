import json

from ml_model.artifacts import Bundle
from ml_model.packing import pack


def test_what_is_packed_is_what_a_training_wrote(scorers, released):
    bundle: Bundle = scorers["concrete"]._bundle
    folder = released["concrete"] / "1.0.0"
    text = (folder / "model.toml").read_text("utf-8")
    packed = pack(text, bundle, bundle.golden.records[1:])
    for name in ("model.toml", "calibration.json", "profile.json"):
        assert packed.files[name] == (folder / name).read_bytes()
    assert json.loads(packed.files["golden.json"]) == json.loads((folder / "golden.json").read_text("utf-8"))
    assert packed.scorer.version == "1.0.0"
