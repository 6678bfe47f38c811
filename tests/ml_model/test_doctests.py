import doctest
import importlib
import pkgutil

import pytest

import ml_model

MODULES = [module.name for module in pkgutil.iter_modules(ml_model.__path__)]
WITH_EXAMPLES = {"expressions", "features", "scoring"}


@pytest.mark.parametrize("name", MODULES)
def test_examples(name):
    module = importlib.import_module(f"ml_model.{name}")
    result = doctest.testmod(module, raise_on_error=False)
    assert result.failed == 0
    assert result.attempted or name not in WITH_EXAMPLES


def test_every_module_has_its_tests(request):
    mirrored = {path.stem.removeprefix("test_") for path in request.path.parent.glob("test_*.py")}
    assert {name.strip("_") for name in MODULES} <= mirrored
