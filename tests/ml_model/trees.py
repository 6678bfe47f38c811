"""What the tests of tables and of the whole spec share."""

import pytest

from ml_model.errors import SpecError


def at(tree, way):
    """Return the part of a tree at the end of a way."""
    for step in way:
        tree = tree[step]
    return tree


def refusal(parse, tree, faults=1):
    """Return the error by which a tree is refused, which has so many faults."""
    with pytest.raises(SpecError) as refused:
        parse(tree)
    error = refused.value
    if faults:
        assert len(error.faults) == faults, str(error)
    if len(error.faults) == 1:
        assert str(error).startswith(f"model.toml: {error.key}: ")
        assert "\n" not in str(error)
    else:
        assert str(error).startswith(f"model.toml has {len(error.faults)} faults:\n- {error.key}: ")
    return error
