"""What the operations of an expression mean for choices: a choice is compared with a choice, and only ranks are numbers.

``expressions`` computes with the positions of choices whatever they mean, as released specs rely on; a new spec is checked here.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping

from ml_model.errors import ExpressionError
from ml_model.tables import FieldTable

_SYMBOLS: dict[type[ast.cmpop], tuple[str, str]] = {
    ast.Lt: ("<", ">"),
    ast.LtE: ("<=", ">="),
    ast.Gt: (">", "<"),
    ast.GtE: (">=", "<="),
    ast.Eq: ("==", "=="),
    ast.NotEq: ("!=", "!="),
}
"""Each comparison as it is written, and as it is written with its sides swapped."""


def check_types(source: str, fields: Mapping[str, FieldTable]) -> None:
    """Raise ExpressionError if an expression that can be parsed takes choices for something else; it names the right form."""
    tree = ast.parse(source.strip(), mode="eval").body
    for problem in _problems(tree, fields):
        raise ExpressionError(source, problem)


def _problems(node: ast.expr, fields: Mapping[str, FieldTable]) -> Iterator[str]:
    """Problems of a node whose value is used as a number."""
    match node:
        case ast.Name(id=name) if fields[name].kind == "category":
            yield f"'{name}' is a category without an order and no number; compare it: {name} == '{_first(fields[name])}'"
        case ast.Compare(left=left, ops=[op], comparators=[right]):
            yield from _problems_of_comparison(left, op, right, fields)
        case ast.Call(func=ast.Name(id=("unknown" | "none"))):
            return
        case ast.Call(args=arguments):
            for argument in arguments:
                yield from _problems(argument, fields)
                if isinstance(argument, ast.Name) and _counts_otherwise(fields[argument.id]):
                    form = f"compare it with a choice in quotes, or write an arithmetic such as {argument.id} + 1"
                    yield f"'{argument.id}' counts from 0 here and not by its choices; {form}"
        case ast.BinOp(left=left, right=right):
            yield from _problems(left, fields)
            yield from _problems(right, fields)
        case ast.UnaryOp(operand=operand):
            yield from _problems(operand, fields)


def _problems_of_comparison(left: ast.expr, op: ast.cmpop, right: ast.expr, fields: Mapping[str, FieldTable]) -> Iterator[str]:
    written, swapped = _SYMBOLS[type(op)]
    for side, other, symbol in ((left, right, written), (right, left, swapped)):
        if not isinstance(side, ast.Name) or not fields[side.id].choices:
            if not isinstance(side, ast.Constant):
                yield from _problems(side, fields)
            continue
        name, field = side.id, fields[side.id]
        if field.kind == "category" and symbol not in {"==", "!="}:
            yield f"the choices of '{name}' have no order; write {name} == '{_first(field)}', or make it kind = \"ordered\""
        elif isinstance(other, ast.Constant) and isinstance(other.value, str):
            return
        elif not (isinstance(other, ast.Name) and list(fields[other.id].codes) == list(field.codes)):
            yield f"'{name}' is compared with one of its choices, in quotes: {name} {symbol} '{_meant(other, field)}'"


def _counts_otherwise(field: FieldTable) -> bool:
    """Whether the choices are whole numbers that are not their positions."""
    return any(isinstance(choice, int) and choice != code for choice, code in field.codes.items())


def _first(field: FieldTable) -> object:
    return next(iter(field.codes))


def _meant(other: ast.expr, field: FieldTable) -> object:
    """The choice that a number was probably meant for, or else the first one."""
    try:
        number = ast.literal_eval(other)
    except ValueError:
        return _first(field)
    return next((choice for choice in field.codes if choice == number), _first(field))
