import platform
import re

import numpy as np
import pytest

from ml_model.environment import differences, instruction_set


@pytest.fixture
def manifest(scorers):
    return scorers["house"].manifest


def test_a_release_made_here_is_at_home(manifest):
    assert manifest.instructions == instruction_set()
    assert differences(manifest) == []


def test_the_patch_of_python_does_not_matter(manifest):
    minor = ".".join(platform.python_version_tuple()[:2])
    assert differences(manifest.model_copy(update={"python": f"{minor}.99"})) == []


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"machine": "pdp11"}, rf"the machine is {re.escape(platform.machine())} and was pdp11"),
        ({"python": "2.7.18"}, r"Python is 3\.\d+ and was 2\.7"),
        ({"libraries": {"numpy": "0.1"}}, rf"numpy is {re.escape(np.__version__)} and was 0\.1"),
        ({"libraries": {"abacus": "1.0"}}, r"abacus is not installed and was 1\.0"),
        ({"instructions": "MMX"}, r"the instruction set is .+ and was MMX"),
        ({"instructions": ""}, r"the instruction set is .+ and was not recorded"),
    ],
)
def test_what_differs_is_named(changed, told, manifest):
    (found,) = differences(manifest.model_copy(update=changed))
    assert re.fullmatch(told, found)


def test_a_core_that_is_forced_counts(manifest, monkeypatch):
    monkeypatch.setenv("OPENBLAS_CORETYPE", "Prescott")
    (found,) = differences(manifest)
    assert "OpenBLAS:Prescott and was" in found
