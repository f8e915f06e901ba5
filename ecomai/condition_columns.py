"""Conditions asked of many rows at once: the answers of `Condition.is_met`, a thousand times as fast.

Numbers are compared as arrays. What depends on texts alone is asked once for each distinct text. Where
floating point cannot be sure to agree with the exact numbers of a condition, or something would fail, the
row is asked by itself; so the answers are the same by construction.
"""

import operator
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from .conditions import Condition, ConditionError

EPSILON = float(np.finfo(float).eps)
Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
_COMPARED: dict[str, Callable[[Any, Any], Any]] = {
    "eq": operator.eq, "ne": operator.ne, "lt": operator.lt, "le": operator.le, "gt": operator.gt,
    "ge": operator.ge,
}  # fmt: skip


@dataclass(frozen=True)
class Coded:
    """A column of few distinct values: a code for each row, -1 where it is not known."""

    codes: NDArray[np.int64]
    values: Sequence[Any]


class Table(Protocol):
    """Rows by column. `numbers` has nan where a number is not known, and is None for other columns."""

    n_rows: int

    def numbers(self, name: str) -> Floats | None: ...

    def coded(self, name: str) -> Coded: ...

    def facts(self, place: int) -> Mapping[str, Any]: ...


@dataclass(frozen=True)
class Answers:
    """Where a condition holds, and where it could not be evaluated; `problem` is the first failure."""

    is_met: Bools
    n_failed: int = 0
    problem: str = ""


@dataclass(frozen=True)
class _Numbers:
    """Values with a bound of their error; an infinite one says that only the row itself can tell."""

    values: Any
    errors: Any
    is_given: bool = False  # a fact or a constant: compared with another of these, it is exact


@dataclass(frozen=True)
class _Truth:
    values: Bools
    unsure: Bools


def answers_of(condition: Condition, table: Table) -> Answers:
    """Return what `condition.is_met` says of each row of a table."""
    known = _known(condition, table)
    with np.errstate(all="ignore"):
        said = _Reader(table).truth(condition._rule.statement.expression)
    is_met = said.values & ~said.unsure & known
    n_failed, problem = 0, ""
    for place in np.flatnonzero(said.unsure & known).tolist():
        try:
            is_met[place] = condition.is_met(table.facts(place))
        except ConditionError as error:
            n_failed += 1
            problem = problem or str(error)
    return Answers(is_met, n_failed, problem)


def _known(condition: Condition, table: Table) -> Bools:
    known = np.ones(table.n_rows, dtype=bool)
    for name in condition.names:
        numbers = table.numbers(name)
        known &= table.coded(name).codes >= 0 if numbers is None else ~np.isnan(numbers)
    return known


class _Reader:
    """Reads an expression of the library by its parts."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def truth(self, node: Any) -> _Truth:
        kind = type(node).__name__
        if kind == "LogicExpression":
            return self._logic(node)
        if kind == "UnaryExpression" and node.type == "not":
            right = self.truth(node.right)
            return _Truth(~right.values, right.unsure)
        names = _names(node)
        if all(self._table.numbers(name) is None for name in names):
            return self._by_value(node, sorted(names))
        if kind in ("ComparisonExpression", "ArithmeticComparisonExpression"):
            return self._comparison(node)
        if kind == "ContainsExpression":
            return self._contains(node)
        return self._unsure()

    def _logic(self, node: Any) -> _Truth:
        """`and` and `or` as Python has them: what stands on the left settled is not asked on the right."""
        left, right = self.truth(node.left), self.truth(node.right)
        settles = ~left.values if node.type == "and" else left.values
        settled = settles & ~left.unsure
        values = left.values & right.values if node.type == "and" else left.values | right.values
        return _Truth(values, ~settled & (left.unsure | right.unsure))

    def _comparison(self, node: Any) -> _Truth:
        left, right = self._number(node.left), self._number(node.right)
        if left is None or right is None:
            return self._unsure()
        values = self._spread(_COMPARED[node.type](left.values, right.values), bool)
        if left.is_given and right.is_given:
            return _Truth(values, self._spread(False, bool))
        near = np.abs(left.values - right.values) <= 4 * (left.errors + right.errors)
        return _Truth(values, self._spread(near | ~np.isfinite(left.values - right.values), bool))

    def _contains(self, node: Any) -> _Truth:
        """A number among constants."""
        is_array = type(node.container).__name__ == "ArrayExpression"
        parts = node.container.value if is_array else ()
        constants = [self._number(part) for part in parts if type(part).__name__ == "FloatExpression"]
        member = self._number(node.member)
        if member is None or not member.is_given or len(constants) != len(parts) or not constants:
            return self._unsure()
        if not all(one is not None and one.is_given for one in constants):
            return self._unsure()
        values = np.isin(member.values, [one.values for one in constants if one is not None])
        return _Truth(self._spread(values, bool), self._spread(False, bool))

    def _by_value(self, node: Any, names: list[str]) -> _Truth:
        """Ask once for each combination of distinct values of what it names."""
        columns = [self._table.coded(name) for name in names]
        if not columns:
            return self._constant(node)
        if len(columns) == 1:
            rows, place = np.arange(len(columns[0].values))[:, None], columns[0].codes
        else:
            rows, place = np.unique(
                np.stack([column.codes for column in columns], axis=1), axis=0, return_inverse=True
            )
            place = place.reshape(-1)
        said = np.zeros((len(rows) + 1, 2), dtype=bool)  # the last one is for what is not known
        for at, codes in enumerate(rows.tolist()):
            if min(codes) >= 0:
                given = {
                    name: column.values[code]
                    for name, column, code in zip(names, columns, codes, strict=True)
                }
                said[at] = _evaluate(node, given)
        return _Truth(said[place, 0], said[place, 1])

    def _constant(self, node: Any) -> _Truth:
        value, is_unsure = _evaluate(node, {})
        return _Truth(self._spread(value, bool), self._spread(is_unsure, bool))

    def _number(self, node: Any) -> _Numbers | None:
        """Return the numbers of a part; None where it is nothing that is computed here."""
        kind = type(node).__name__
        if kind == "FloatExpression":
            value = float(node.value)
            is_exact = type(node.value)(repr(value)) == node.value
            return _Numbers(value, 0.0 if is_exact else abs(value) * EPSILON, is_given=is_exact)
        if kind == "SymbolExpression":
            values = self._table.numbers(node.name)
            return None if values is None else _Numbers(values, np.zeros(len(values)), is_given=True)
        if kind == "UnaryExpression" and node.type == "uminus":
            right = self._number(node.right)
            return None if right is None else _Numbers(-right.values, right.errors, right.is_given)
        if kind in ("AddExpression", "SubtractExpression", "ArithmeticExpression"):
            return self._arithmetic(node)
        return None

    def _arithmetic(self, node: Any) -> _Numbers | None:
        left, right = self._number(node.left), self._number(node.right)
        if left is None or right is None or node.type not in _ARITHMETIC:
            return None
        # What is given was rounded once when it became a float.
        a, b = left.values, right.values
        error_a = left.errors + np.abs(a) * EPSILON
        error_b = right.errors + np.abs(b) * EPSILON
        values, errors = _ARITHMETIC[node.type](a, b, error_a, error_b)
        return _Numbers(values, errors + np.abs(values) * EPSILON)

    def _unsure(self) -> _Truth:
        n_rows = self._table.n_rows
        return _Truth(np.zeros(n_rows, dtype=bool), np.ones(n_rows, dtype=bool))

    def _spread(self, value: Any, kind: type) -> Any:
        return np.broadcast_to(np.asarray(value, dtype=kind), (self._table.n_rows,))


def _divided(a: Any, b: Any, error_a: Any, error_b: Any) -> tuple[Any, Any]:
    """A divisor that may be zero makes the quotient unsure."""
    b = np.asarray(b, dtype=float)
    values = a / b
    errors = 1.01 * (error_a + np.abs(values) * error_b) / np.maximum(np.abs(b) - error_b, 0.0)
    return values, np.where(np.abs(b) <= error_b, np.inf, errors)


_ARITHMETIC: dict[str, Callable[[Any, Any, Any, Any], tuple[Any, Any]]] = {
    "add": lambda a, b, error_a, error_b: (a + b, error_a + error_b),
    "sub": lambda a, b, error_a, error_b: (a - b, error_a + error_b),
    "mul": lambda a, b, error_a, error_b: (
        a * b,
        np.abs(a) * error_b + np.abs(b) * error_a + error_a * error_b,
    ),
    "tdiv": _divided,
}


def _evaluate(node: Any, facts: Mapping[str, Any]) -> tuple[bool, bool]:
    """Return what the library says of some facts, and whether it says nothing."""
    try:
        return bool(node.evaluate(facts)), False
    except Exception:  # whatever it raises: the row itself is asked, and tells
        return False, True


def _names(node: Any) -> set[str]:
    from .conditions import _parts

    own = {node.name} if type(node).__name__ == "SymbolExpression" else set()
    return own.union(*(_names(part) for part in _parts(node)))
