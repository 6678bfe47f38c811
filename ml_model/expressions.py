"""Derived features: a small, safe, vectorised language over the fields of a record.

The language has numbers, field names, ``+ - * / **`` (a constant exponent above 0, up to 4), the comparisons
``< <= > >= == !=`` (1 or 0), ``log(x)`` (natural), ``min(...)``, ``max(...)``, ``unknown(field)`` and ``none(field)``.
A category is compared with one of its choices written in quotes. Whatever touches an unknown is unknown; so is a
division by zero and the logarithm of a number that is not positive. Only the tests ``unknown`` and ``none`` always know.

>>> import numpy as np
>>> age = parse("sold - built", {"sold": None, "built": None})
>>> age.evaluate({"sold": np.array([2010.0, 2008.0]), "built": np.array([1960.0, np.nan])})
array([50., nan])
>>> age.evaluate_one({"sold": 2010.0, "built": 1960.0})
50.0
"""

from __future__ import annotations

import ast
import math
import operator
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ml_model.errors import ExpressionError, nearest

Column = npt.NDArray[np.float64]
Columns = Mapping[str, Column]
Evaluator = Callable[[Mapping[str, Any]], Any]
"""From columns, or from the numbers of one record, by field name to one such value."""
Vocabulary = Mapping[str, Mapping[str | int, int] | None]
"""Field name to its codes by choice, or to None where the field is a plain number."""

NONE_CHOICE = "none"
_LONGEST = 500
_MOST_NODES = 200
_OPERATIONS: dict[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
}
_COMPARISONS: dict[type[ast.cmpop], Callable[[Any, Any], Any]] = {
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
}
FUNCTIONS = ("log", "min", "max", "unknown", "none")


@dataclass(frozen=True)
class _Arithmetic:
    """What the operations of the language do with one kind of value; the same numbers to the last bit with both kinds."""

    constant: Callable[[float], Any]
    operated: Callable[[Callable[[Any, Any], Any], Evaluator, Evaluator], Evaluator]
    """Makes of an operation and its two sides one that is unknown where its result is no finite number, as are ``power`` and
    ``log``: a comparison must not take the infinity of a division by zero for a large number."""
    compared: Callable[[Callable[[Any, Any], Any]], Callable[[Any, Any], Any]]
    """Makes of a comparison one that answers 1 or 0, and unknown where a side is."""
    power: Callable[[Any, float], Any]
    log: Callable[[Any], Any]
    least: Callable[[Any, Any], Any]
    greatest: Callable[[Any, Any], Any]
    unknown: Callable[[Any], Any]
    is_code: Callable[[Any, float], Any]


@dataclass(frozen=True)
class Expression:
    """A parsed derived feature."""

    source: str
    """The text as it stands in ``model.toml``."""
    names: frozenset[str]
    """The fields that it reads."""
    evaluate_one: Callable[[Mapping[str, float]], float]
    """From the encoded values of one record by field name to its value, NaN where unknown: the same number as ``evaluate`` gives,
    without an array per step, which for one record is a tenth of the time."""
    _columns: Evaluator

    def evaluate(self, columns: Columns) -> Column:
        """Return one value per row, shape (n,), float64, NaN where unknown; ``columns`` are such arrays by field name."""
        with np.errstate(all="ignore"):
            return self._columns(columns)  # type: ignore[no-any-return]


def parse(source: str, vocabulary: Vocabulary) -> Expression:
    """Parse ``source`` against the allow-list; raise ExpressionError for anything outside of it."""
    if len(source) > _LONGEST:
        raise ExpressionError(source[:40] + "…", f"longer than {_LONGEST} characters")
    try:
        tree = ast.parse(source.strip(), mode="eval")
    except (SyntaxError, ValueError, RecursionError) as error:
        raise ExpressionError(source, "cannot be read; write for example 'log(living_area)' or 'sold - built'") from error
    reader, single = _Reader(source, vocabulary, _COLUMNS), _Reader(source, vocabulary, _NUMBERS)
    if sum(1 for _ in ast.walk(tree)) > _MOST_NODES:
        raise reader.refuse("too many parts; split it into several derived features")
    columns = reader.read(tree.body)
    if not reader.names:
        raise reader.refuse("reads no field")
    return Expression(source, frozenset(reader.names), single.read(tree.body), columns)


class _Reader:
    """Turns syntax nodes into evaluators, node by node, refusing what is not on the list."""

    def __init__(self, source: str, vocabulary: Vocabulary, arithmetic: _Arithmetic) -> None:
        self.source = source
        self.vocabulary = vocabulary
        self.arithmetic = arithmetic
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
                constant = self.arithmetic.constant(float(number))
                return lambda values: constant
            case ast.Name(id=name):
                self.known(name)
                return operator.itemgetter(name)
            case ast.UnaryOp(op=ast.USub(), operand=operand):
                inner = self.read(operand)
                return lambda values: -inner(values)
            case ast.BinOp(op=ast.Pow(), left=left, right=right):
                return self.power(left, right)
            case ast.BinOp(op=op, left=left, right=right) if type(op) in _OPERATIONS:
                return self.arithmetic.operated(_OPERATIONS[type(op)], self.read(left), self.read(right))
            case ast.Compare(left=left, ops=[op], comparators=[right]) if type(op) in _COMPARISONS:
                return self.comparison(left, op, right)
            case ast.Call(func=ast.Name(id=function), args=arguments, keywords=[]):
                return self.call(function, arguments)
        raise self.refuse(f"'{ast.unparse(node)}' is not part of the language")

    def known(self, name: str) -> None:
        if name not in self.vocabulary:
            raise self.refuse(f"'{name}' is not a field.{nearest(name, self.vocabulary)}")
        self.names.add(name)

    def power(self, left: ast.expr, right: ast.expr) -> Evaluator:
        base, power = self.read(left), self.arithmetic.power
        match right:
            case ast.Constant(value=int() | float() as exponent) if not isinstance(exponent, bool) and 0 < exponent <= 4:
                return lambda values: power(base(values), exponent)
        raise self.refuse("an exponent is a constant above 0, up to 4; for a negative one divide instead")

    def comparison(self, left: ast.expr, op: ast.cmpop, right: ast.expr) -> Evaluator:
        compare = self.arithmetic.compared(_COMPARISONS[type(op)])
        match left, right:
            case ast.Name(id=name), ast.Constant(value=str() as choice):
                code = self.arithmetic.constant(self.code(name, choice))
                field = operator.itemgetter(name)
                return lambda values: compare(field(values), code)
        return _binary(compare, self.read(left), self.read(right))

    def call(self, function: str, arguments: list[ast.expr]) -> Evaluator:
        match function, arguments:
            case "log", [argument]:
                inner, log = self.read(argument), self.arithmetic.log
                return lambda values: log(inner(values))
            case (("min" | "max"), [first, second, *rest]):
                pick = self.arithmetic.least if function == "min" else self.arithmetic.greatest
                folded = _binary(pick, self.read(first), self.read(second))
                for argument in rest:
                    folded = _binary(pick, folded, self.read(argument))
                return folded
            case "unknown", [ast.Name(id=name)]:
                self.known(name)
                unknown, field = self.arithmetic.unknown, operator.itemgetter(name)
                return lambda values: unknown(field(values))
            case "none", [ast.Name(id=name)]:
                code, is_code, field = self.code(name, NONE_CHOICE), self.arithmetic.is_code, operator.itemgetter(name)
                return lambda values: is_code(field(values), code)
        if function in FUNCTIONS:
            raise self.refuse(f"'{function}' is used as log(x), min(x, y), max(x, y), unknown(field) or none(field)")
        raise self.refuse(f"there is no function '{function}'.{nearest(function, FUNCTIONS)}")

    def code(self, name: str, choice: str) -> int:
        self.known(name)
        codes = self.vocabulary[name]
        if codes is None or choice not in codes:
            raise self.refuse(f"field '{name}' has no choice '{choice}'.{nearest(choice, map(str, codes or ()))}")
        return codes[choice]


def _binary(operation: Callable[[Any, Any], Any], left: Evaluator, right: Evaluator) -> Evaluator:
    return lambda values: operation(left(values), right(values))


def _finite(operation: Callable[..., Column]) -> Callable[..., Column]:
    def known(*parts: Any) -> Column:
        value = operation(*parts)
        return np.where(np.isfinite(value), value, np.nan)

    return known


def _where_known(compare: Callable[[Any, Any], Any]) -> Callable[[Column, Column], Column]:
    return lambda left, right: np.where(np.isnan(left) | np.isnan(right), np.nan, compare(left, right))


def _operated_columns(operation: Callable[[Any, Any], Any], left: Evaluator, right: Evaluator) -> Evaluator:
    return _binary(_finite(operation), left, right)


def _operated_numbers(operation: Callable[[Any, Any], Any], left: Evaluator, right: Evaluator) -> Evaluator:
    def known(values: Mapping[str, Any]) -> float:
        try:
            value: float = operation(left(values), right(values))
        except ZeroDivisionError:
            return math.nan
        return value if math.isfinite(value) else math.nan

    return known


def _number_where_known(compare: Callable[[Any, Any], Any]) -> Callable[[float, float], float]:
    def known(left: float, right: float) -> float:
        # Only a NaN is unequal to itself.
        return math.nan if left != left or right != right else float(compare(left, right))  # noqa: PLR0124

    return known


def _power(base: float, exponent: float) -> float:
    # As numpy does for a column: squares and roots by themselves, which round differently from a general power.
    if exponent == 2:
        value = base * base
    elif exponent == 0.5:
        value = math.sqrt(base) if base >= 0 else math.nan
    else:
        with np.errstate(all="ignore"):
            value = float(np.power(base, exponent))
    return value if math.isfinite(value) else math.nan


def _log(number: float) -> float:
    # By numpy, because its logarithm and that of the mathematical library of Python differ in the last bit.
    return float(np.log(number)) if number > 0 else math.nan


_COLUMNS = _Arithmetic(
    constant=np.float64,
    operated=_operated_columns,
    compared=_where_known,
    power=_finite(operator.pow),
    log=_finite(np.log),
    least=np.minimum,
    greatest=np.maximum,
    unknown=lambda column: np.isnan(column).astype(np.float64),
    is_code=lambda column, code: (column == code).astype(np.float64),
)
_NUMBERS = _Arithmetic(
    constant=float,
    operated=_operated_numbers,
    compared=_number_where_known,
    power=_power,
    log=_log,
    least=lambda left, right: left if left < right or math.isnan(left) else right,
    greatest=lambda left, right: left if left > right or math.isnan(left) else right,
    unknown=lambda number: float(math.isnan(number)),
    is_code=lambda number, code: float(number == code),
)
