import json

import pytest

from ml_model.errors import TrainingError
from ml_model.logbook import Logbook


def test_stages_are_told_and_kept():
    lines = []
    log = Logbook(lines.append)
    with log.stage("load") as facts:
        facts["rows"] = 3
    with pytest.raises(TrainingError, match="stage 'fit': no"), log.stage("fit"):
        raise ValueError("no")
    assert lines[0] == "load …"
    assert lines[1].startswith("load done in ")
    assert lines[2:] == ["fit …"]
    (entry,) = [json.loads(line) for line in log.content().decode().splitlines()]
    assert (entry["stage"], entry["rows"]) == ("load", 3)
    assert entry["started_at"].endswith("+00:00")


def test_a_fault_of_the_program_is_not_hidden():
    with pytest.raises(ZeroDivisionError), Logbook(lambda line: None).stage("fit"):
        raise ZeroDivisionError
