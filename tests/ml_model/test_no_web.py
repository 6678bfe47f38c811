"""The package as a consumer has it who installed no web framework, and no more than a process needs that only serves."""

import subprocess
import sys

BLOCK = """
import sys

class Blocked:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in BLOCKED:
            raise ImportError(f"{name} is blocked")

sys.meta_path.insert(0, Blocked())
"""
WEB = {"django", "rest_framework", "knox", "csp", "predictions", "project"}


def run(code, blocked=frozenset()):
    program = f"BLOCKED = {set(blocked)!r}\n{BLOCK}\n{code}"
    return subprocess.run([sys.executable, "-W", "error", "-c", program], capture_output=True, text=True, check=False)


def test_the_block_blocks():
    assert "django is blocked" in run("import django", WEB).stderr


def test_every_module_and_a_prediction_do_without_the_web():
    done = run(
        """
import importlib, math, pkgutil
import ml_model
names = [module.name for module in pkgutil.iter_modules(ml_model.__path__)]
for name in names:
    importlib.import_module(f"ml_model.{name}")
from ml_model.scoring import load_scorer
scorer = load_scorer()
(score,) = scorer.score([scorer.spec.example()])
numbers = [score.value, score.low, score.high] if score.probabilities is None else score.probabilities.values()
assert all(map(math.isfinite, numbers)), score
assert not BLOCKED & set(sys.modules)
print(len(names))
""",
        WEB,
    )
    assert done.stderr == ""
    assert int(done.stdout) >= 16


def test_scoring_loads_no_library_before_it_is_asked_to():
    heavy = {"sklearn", "pandas", "joblib", "scipy", "crepes"}
    done = run(f"import ml_model.scoring\nprint(sorted({heavy!r} & set(sys.modules)))")
    assert (done.stdout, done.stderr) == ("[]\n", "")


def test_serving_needs_neither_pandas_nor_what_only_training_needs():
    done = run(
        "from ml_model.scoring import load_scorer\nscorer = load_scorer()\nprint(len(scorer.score([scorer.spec.example()])))",
        WEB | {"crepes", "matplotlib", "onnx"},
    )
    assert (done.stdout, done.stderr) == ("1\n", "")


def test_serving_a_compiled_form_loads_nothing_of_scikit_learn(released):
    done = run(
        f"""
import sys
from pathlib import Path
from ml_model.scoring import load_scorer
scorer = load_scorer(trained=Path({str(released["house"])!r}))
example = scorer.spec.example()
columns = {{name: [value] * 3 for name, value in example.items()}}
answers = [*scorer.score([example]), *scorer.score([example] * 20), *scorer.score_columns(columns)]
print(scorer.runtime, len(answers), len({{answer.value for answer in answers}}))
print(sorted({{"sklearn", "pandas", "joblib", "scipy", "onnx", "crepes"}} & set(sys.modules)))
""",
        WEB,
    )
    assert (done.stdout, done.stderr) == ("onnxruntime 24 1\n[]\n", "")


def test_verifying_needs_nothing_that_only_training_needs(released):
    done = run(
        f"""
import sys
from pathlib import Path
from ml_model.parity import prove_release
print(prove_release("1.0.0", Path({str(released["house"])!r})).holds)
""",
        WEB | {"crepes", "onnx"},
    )
    assert (done.stdout, done.stderr) == ("True\n", "")
