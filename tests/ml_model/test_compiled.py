"""What answers a matrix, and which of the two does."""

import os
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest

from ml_model import compiled
from ml_model.artifacts import read_bundle
from ml_model.compiled import answers_of, compiled_answers, learnt_answers, runtime_version, serves_compiled
from ml_model.errors import BundleRefused
from ml_model.features import FeatureEncoder
from ml_model.releases import read_releases

NAMES = ["penguins", "credit", "concrete", "house"]


@pytest.fixture(scope="module")
def bundles(released):
    return {name: read_bundle(folder / "1.0.0", read_releases(folder).manifest_of("1.0.0")) for name, folder in released.items()}


def matrix_of(bundle):
    return FeatureEncoder(bundle.spec).matrix(bundle.golden.records)


@pytest.mark.parametrize("name", NAMES)
def test_both_give_the_same(name, bundles):
    bundle = bundles[name]
    matrix = matrix_of(bundle)
    found, expected = compiled_answers(bundle.compiled)(matrix), learnt_answers(bundle.fitted)(matrix)
    assert found.dtype == expected.dtype == np.float64
    assert found.shape == expected.shape
    np.testing.assert_allclose(found, expected, rtol=1e-13, atol=1e-14)


@pytest.mark.parametrize(("name", "width"), [("penguins", 3), ("credit", 2), ("concrete", 1), ("house", 2)])
def test_answers_have_a_column_for_each_part(name, width, bundles):
    bundle = bundles[name]
    for answers in (compiled_answers(bundle.compiled), learnt_answers(bundle.fitted)):
        assert answers(matrix_of(bundle)).shape == (20, width)
        assert answers(matrix_of(bundle)[:1]).shape == (1, width)
    if name == "house":
        assert (answers(matrix_of(bundle))[:, 1] > 0).all()


def test_threads_share_one(bundles):
    answers, matrix = compiled_answers(bundles["house"].compiled), matrix_of(bundles["house"])
    expected = [answers(row[np.newaxis]) for row in matrix]
    together = threading.Barrier(4)

    def ask(_):
        together.wait(timeout=30)
        return [answers(row[np.newaxis]) for row in matrix]

    with ThreadPoolExecutor(4) as pool:
        for found in pool.map(ask, range(4)):
            assert all(map(np.array_equal, found, expected))


def test_a_row_that_is_not_of_this_model_is_refused(bundles):
    answers, matrix = compiled_answers(bundles["house"].compiled), matrix_of(bundles["house"])
    for wrong in (matrix[:1, :1], matrix[:1, :-1], matrix[:1].astype(np.float32)):
        with pytest.raises(Exception, match=r"INVALID_ARGUMENT|Cannot cast"):
            answers(wrong)


def test_it_answers_in_the_thread_that_asks(bundles):
    """A pool of its own would not survive the fork of a server's worker."""
    before = len(list(threading.enumerate()))
    with open("/proc/self/status") as status:  # noqa: PTH123
        threads = next(line for line in status if line.startswith("Threads:"))
    answers = [compiled_answers(bundles["house"].compiled) for _ in range(5)]
    for one in answers:
        one(matrix_of(bundles["house"]))
    with open("/proc/self/status") as status:  # noqa: PTH123
        assert next(line for line in status if line.startswith("Threads:")) == threads
    assert len(list(threading.enumerate())) == before


FORKED = """
import os, sys
from pathlib import Path
from ml_model.compiled import compiled_answers, runtime_version
import numpy as np
before = len(os.listdir("/proc/self/task"))
runtime_version()
assert len(os.listdir("/proc/self/task")) == before, "the import started a thread"
child = os.fork()
if child:
    raise SystemExit(os.waitpid(child, 0)[1])
answers = compiled_answers(Path(sys.argv[1]).read_bytes())
assert len(answers(np.zeros((3, int(sys.argv[2]))))) == 3
"""


def test_it_reports_to_nobody_and_outlives_a_fork_after_its_import(bundles, released):
    features = FeatureEncoder(bundles["house"].spec).names
    command = [sys.executable, "-c", FORKED, str(released["house"] / "1.0.0" / "model.onnx"), str(len(features))]
    # Without the variables by which it knows that it is in CI, where it reports nothing anyway.
    plain = {"PATH": os.environ["PATH"], "OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, env=plain, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr


def test_the_version_is_that_of_the_library():
    version = runtime_version()
    import onnxruntime

    assert version == onnxruntime.__version__


def test_the_compiled_form_answers_where_it_is_certified_for_this_runtime(bundles, monkeypatch):
    bundle = bundles["house"]
    assert serves_compiled(bundle)
    assert not serves_compiled(replace(bundle, compiled=None))
    assert not serves_compiled(replace(bundle, parity=None))
    assert not serves_compiled(replace(bundle, parity=bundle.parity.model_copy(update={"runtime": "1.31.0"})))
    monkeypatch.setattr(compiled, "runtime_version", lambda: "9.9")
    assert not serves_compiled(bundle)


def refuse():
    raise AssertionError("opened")


def test_only_what_answers_is_opened(bundles):
    bundle = bundles["house"]
    matrix = matrix_of(bundle)
    expected = learnt_answers(bundle.fitted)(matrix)
    np.testing.assert_allclose(answers_of(replace(bundle, opened=refuse))(matrix), expected, rtol=1e-13)
    learnt = replace(bundle, compiled=b"garbage", parity=bundle.parity.model_copy(update={"runtime": "1.31.0"}))
    assert np.array_equal(answers_of(learnt)(matrix), expected)


@pytest.mark.parametrize("content", [b"", b"garbage", b"\x08\x0a"])
def test_garbage_is_refused(content, bundles):
    with pytest.raises(BundleRefused, match=r"release bundle 1\.0\.0 refused: its compiled form cannot be opened") as refused:
        answers_of(replace(bundles["house"], compiled=content))
    assert "\n" not in str(refused.value)
