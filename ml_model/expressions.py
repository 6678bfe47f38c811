"""Derived features: a small, safe, vectorised language over the fields of a record.

The language has numbers, field names, ``+ - * / **`` (a constant exponent above 0, up to 4), the comparisons
``< <= > >= == !=`` (1 or 0), ``log(x)`` (natural), ``min(...)``, ``max(...)``, ``unknown(field)`` and ``none(field)``.
A category is compared with one of its choices written in quotes. Whatever touches an unknown is unknown; so is a
division by zero and the logarithm of a number that is not positive. Only the tests ``unknown`` and ``none`` always know.

>>> import numpy as np
>>> age = parse("sold - built", {"sold": None, "built": None})
>>> age.evaluate({"sold": np.array([2010.0, 2008.0]), "built": np.array([1960.0, np.nan])})
array([50., nan])
"""

from __future__ import annotations

import ast
import operator
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ml_model.errors import ExpressionError, nearest

Column = npt.NDArray[np.float64]
Columns = Mapping[str, Column]
Evaluator = Callable[[Columns], Column]
Vocabulary = Mapping[str, Mapping[str | int, int] | None]
"""Field name to its codes by choice, or to None where the field is a plain number."""

NONE_CHOICE = "none"
_LONGEST = 500
_MOST_NODES = 200
_ARITHMETIC: dict[type[ast.operator], Callable[[Column, Column], Column]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
}
_COMPARISON: dict[type[ast.cmpop], Callable[[Column, Column], npt.NDArray[np.bool_]]] = {
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
}
_FUNCTIONS = ("log", "min", "max", "unknown", "none")


@dataclass(frozen=True)
class Expression:
    """A parsed derived feature."""

    source: str
    """The text as it stands in ``model.toml``."""
    names: frozenset[str]
    """The fields that it reads."""
    _evaluator: Evaluator

    def evaluate(self, columns: Columns) -> Column:
        """Return one value per row, shape (n,), float64, NaN where unknown; ``columns`` are such arrays by field name."""
        with np.errstate(all="ignore"):
            return self._evaluator(columns)


def parse(source: str, vocabulary: Vocabulary) -> Expression:
    """Parse ``source`` against the allow-list; raise ExpressionError for anything outside of it."""
    if len(source) > _LONGEST:
        raise ExpressionError(source[:40] + "…", f"longer than {_LONGEST} characters")
    try:
        tree = ast.parse(source.strip(), mode="eval")
    except (SyntaxError, ValueError, RecursionError) as error:
        raise ExpressionError(source, "cannot be read; write for example 'log(living_area)' or 'sold - built'") from error
    reader = _Reader(source, vocabulary)
    if sum(1 for _ in ast.walk(tree)) > _MOST_NODES:
        raise reader.refuse("too many parts; split it into several derived features")
    evaluator = reader.read(tree.body)
    if not reader.names:
        raise reader.refuse("reads no field")
    return Expression(source, frozenset(reader.names), evaluator)


class _Reader:
    """Turns syntax nodes into evaluators, node by node, refusing what is not on the list."""

    def __init__(self, source: str, vocabulary: Vocabulary) -> None:
        self.source = source
        self.vocabulary = vocabulary
        self.names: set[str] = set()

    def refuse(self, problem: str) -> ExpressionError:
        return ExpressionError(self.source, problem)

    def read(self, node: ast.expr) -> Evaluator:
        match node:
            case ast.Constant(value=bool()):
                raise self.refuse("True and False are not part of the language; compare instead, or write 1 and 0")
            case ast.Constant(value=int() | float() as number):
                if abs(number) > sys.float_info.max:
                    raise self.refuse("a number is too large")
                constant = np.float64(number)
                return lambda columns: constant  # type: ignore[return-value]  # broadcasts like a column
            case ast.Name(id=name):
                self.known(name)
                return operator.itemgetter(name)
            case ast.UnaryOp(op=ast.USub(), operand=operand):
                inner = self.read(operand)
                return lambda columns: -inner(columns)
            case ast.BinOp(op=ast.Pow(), left=left, right=right):
                return self.power(left, right)
            case ast.BinOp(op=op, left=left, right=right) if type(op) in _ARITHMETIC:
                return _binary(_ARITHMETIC[type(op)], self.read(left), self.read(right))
            case ast.Compare(left=left, ops=[op], comparators=[right]) if type(op) in _COMPARISON:
                return self.comparison(left, op, right)
            case ast.Call(func=ast.Name(id=function), args=arguments, keywords=[]):
                return self.call(function, arguments)
        raise self.refuse(f"'{ast.unparse(node)}' is not part of the language")

    def known(self, name: str) -> None:
        if name not in self.vocabulary:
            raise self.refuse(f"'{name}' is not a field.{nearest(name, self.vocabulary)}")
        self.names.add(name)

    def power(self, left: ast.expr, right: ast.expr) -> Evaluator:
        base = self.read(left)
        match right:
            case ast.Constant(value=int() | float() as exponent) if not isinstance(exponent, bool) and 0 < exponent <= 4:
                return lambda columns: _finite(base(columns) ** exponent)
        raise self.refuse("an exponent is a constant above 0, up to 4; for a negative one divide instead")

    def comparison(self, left: ast.expr, op: ast.cmpop, right: ast.expr) -> Evaluator:
        compare = _COMPARISON[type(op)]
        match left, right:
            case ast.Name(id=name), ast.Constant(value=str() as choice):
                code = np.float64(self.code(name, choice))
                column = operator.itemgetter(name)
                return lambda columns: _where_known(compare, column(columns), code)  # type: ignore[arg-type]
        first, second = self.read(left), self.read(right)
        return lambda columns: _where_known(compare, first(columns), second(columns))

    def call(self, function: str, arguments: list[ast.expr]) -> Evaluator:
        match function, arguments:
            case "log", [argument]:
                inner = self.read(argument)
                return lambda columns: _finite(np.log(inner(columns)))
            case (("min" | "max"), [first, second, *rest]):
                pick = np.minimum if function == "min" else np.maximum
                folded = _binary(pick, self.read(first), self.read(second))
                for argument in rest:
                    folded = _binary(pick, folded, self.read(argument))
                return folded
            case "unknown", [ast.Name(id=name)]:
                self.known(name)
                return lambda columns: np.isnan(columns[name]).astype(np.float64)
            case "none", [ast.Name(id=name)]:
                code = self.code(name, NONE_CHOICE)
                return lambda columns: (columns[name] == code).astype(np.float64)
        if function in _FUNCTIONS:
            raise self.refuse(f"'{function}' is used as log(x), min(x, y), max(x, y), unknown(field) or none(field)")
        raise self.refuse(f"there is no function '{function}'.{nearest(function, _FUNCTIONS)}")

    def code(self, name: str, choice: str) -> int:
        self.known(name)
        codes = self.vocabulary[name]
        if codes is None or choice not in codes:
            raise self.refuse(f"field '{name}' has no choice '{choice}'.{nearest(choice, map(str, codes or ()))}")
        return codes[choice]


def _binary(operation: Callable[[Column, Column], Column], left: Evaluator, right: Evaluator) -> Evaluator:
    return lambda columns: _finite(operation(left(columns), right(columns)))


def _finite(value: Column) -> Column:
    # At each step, so that a comparison does not take the infinity of a division by zero for a large number.
    return np.where(np.isfinite(value), value, np.nan)


def _where_known(compare: Callable[[Column, Column], npt.NDArray[np.bool_]], left: Column, right: Column) -> Column:
    return np.where(np.isnan(left) | np.isnan(right), np.nan, compare(left, right))
