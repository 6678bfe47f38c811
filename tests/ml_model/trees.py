"""What the tests of tables and of the whole spec share."""

import pytest

from ml_model.errors import SpecError


def at(tree, way):
    """Return the part of a tree at the end of a way."""
    for step in way:
        tree = tree[step]
    return tree


def refusal(parse, tree):
    """Return the error by which a tree is refused."""
    with pytest.raises(SpecError) as refused:
        parse(tree)
    assert str(refused.value).startswith(f"model.toml: {refused.value.key}: ")
    assert "\n" not in str(refused.value)
    return refused.value
