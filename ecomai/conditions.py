"""Conditions that a shop's staff write, in the language of rule-engine, bounded to plain comparisons.

A `Language` says what a condition may name. A condition is checked when it is saved, so that what is kept
always ends soon and calls nothing: no function, no loop, no regular expression.
"""

import re
from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import Any, Literal

from django.utils.translation import gettext as _

MOST_CHARACTERS = 500
FactKind = Literal["text", "number", "truth", "texts", "mapping"]
#: What may follow a dot.
ATTRIBUTES = frozenset({"as_lower", "as_upper", "length", "is_empty"})
ALLOWED = frozenset({
    "LogicExpression", "ComparisonExpression", "ArithmeticComparisonExpression", "ContainsExpression",
    "SymbolExpression", "ArrayExpression", "BooleanExpression", "FloatExpression", "NullExpression",
    "StringExpression", "GetItemExpression", "GetAttributeExpression", "UnaryExpression", "AddExpression",
    "SubtractExpression", "ArithmeticExpression", "Statement",
})  # fmt: skip


class ConditionError(ValueError):
    """A sentence about what is wrong with a condition."""


class Condition:
    """A condition that was checked. `names` is what it depends on."""

    def __init__(self, rule: Any) -> None:
        self._rule = rule
        self.names: frozenset[str] = frozenset(rule.context.symbols)

    def is_met(self, facts: Mapping[str, Any]) -> bool:
        """Whether it holds. What it names and is not known (None, or no such key) makes it not hold.

        Raises
        ------
        ConditionError
            If it cannot be evaluated with these facts, such as a division by zero.
        """
        import rule_engine

        if any(facts.get(name) is None for name in self.names):
            return False
        try:
            return bool(self._rule.matches(facts))
        except rule_engine.errors.LookupError:
            return False  # a key that a mapping does not have
        except Exception as error:  # a library's evaluation of a foreign text: whatever it raises is named
            raise ConditionError(str(error) or type(error).__name__) from error


class Language:
    """What a condition may name, each with its kind; `example` is shown where one is wrong."""

    def __init__(self, kinds: Mapping[str, FactKind], *, example: str) -> None:
        self.kinds = kinds
        self.example = example

    def compile(self, text: str) -> Condition:
        """Return a condition to be asked, or raise ConditionError with a sentence that names the mistake.

        Each condition has a context of its own, which notes what it names.
        """
        import rule_engine

        if len(text) > MOST_CHARACTERS:
            reason = _("A condition has at most %(n)s characters; this one has %(have)s.")
            raise ConditionError(reason % {"n": MOST_CHARACTERS, "have": len(text)})
        _check_signs(text)
        context = rule_engine.Context(
            type_resolver=rule_engine.type_resolver_from_dict(self._types), default_timezone="utc",
            mapping_attribute_lookup=False,
        )  # fmt: skip
        try:
            rule = rule_engine.Rule(text, context=context)
            _check_parts(rule.statement)
            result = rule.statement.expression.result_type
        except ConditionError:
            raise
        except rule_engine.errors.SymbolResolutionError as error:
            reason = _("“%(name)s” is not known. A condition may name: %(names)s.")
            names = ", ".join(self.kinds)
            raise ConditionError(reason % {"name": error.symbol_name, "names": names}) from error
        except rule_engine.errors.AttributeResolutionError as error:
            raise ConditionError(_part_refused(f".{error.attribute_name}")) from error
        except rule_engine.errors.RuleSyntaxError as error:
            reason = _("The condition cannot be read: %(problem)s.")
            raise ConditionError(reason % {"problem": error.message}) from error
        except rule_engine.errors.EngineError as error:
            raise ConditionError(_cannot_be_evaluated(error.message)) from error
        except (TypeError, ValueError, ArithmeticError, RecursionError) as error:
            raise ConditionError(_cannot_be_evaluated(error)) from error
        if result != rule_engine.DataType.BOOLEAN or not context.symbols:
            reason = _("The condition must be true or false, such as: %(example)s")
            raise ConditionError(reason % {"example": self.example})
        return Condition(rule)

    @cached_property
    def _types(self) -> dict[str, Any]:
        from rule_engine import DataType

        types = {
            "text": DataType.STRING, "number": DataType.FLOAT, "truth": DataType.BOOLEAN,
            "texts": DataType.ARRAY(DataType.STRING),
            "mapping": DataType.MAPPING(DataType.STRING, value_type=DataType.STRING),
        }  # fmt: skip
        return {name: types[kind] for name, kind in self.kinds.items()}


def _cannot_be_evaluated(problem: Any) -> str:
    return _("The condition cannot be evaluated: %(problem)s.") % {"problem": problem}


def _part_refused(part: str) -> str:
    reason = _(
        "“%(part)s” may not be used. Compare facts with ==, !=, <, >, in, and, or, not; texts know %(names)s."
    )
    return reason % {"part": part, "names": ", ".join(f".{name}" for name in sorted(ATTRIBUTES))}


def _check_signs(text: str) -> None:
    """Refuse, outside of quoted texts, what could take for ever while it is read: parts of constants are
    evaluated then, and so would be a regular expression or a shift by a billion places.
    """
    found = _REFUSED_SIGNS.search(_QUOTED.sub('""', text))
    if found:
        raise ConditionError(_part_refused(found.group()))


def _check_parts(node: Any) -> None:
    """Only comparisons: no function and no loop."""
    kind = type(node).__name__
    if kind not in ALLOWED:
        raise ConditionError(_part_refused(_NAMES.get(kind, kind)))
    if kind == "GetAttributeExpression" and node.name not in ATTRIBUTES:
        raise ConditionError(_part_refused(f".{node.name}"))
    if kind == "ComparisonExpression":
        _check_are_alike(node)
    for part in _parts(node):
        _check_parts(part)


def _check_are_alike(node: Any) -> None:
    """A number is never equal to a text: who compares them has forgotten quotes, or put some too many."""
    left, right = node.left.result_type, node.right.result_type
    if left.name != right.name and not {left.name, right.name} & {"NULL", "UNDEFINED"}:
        raise ConditionError(
            _("“%(sign)s” compares %(left)s with %(right)s; texts stand in quotes, and numbers without.")
            % {
                "sign": {"eq": "==", "ne": "!="}.get(node.type, node.type),
                "left": left.name,
                "right": right.name,
            }
        )


def _parts(node: Any) -> Iterator[Any]:
    from rule_engine.ast import ASTNodeBase

    names = {*vars(node), *(name for kind in type(node).__mro__ for name in getattr(kind, "__slots__", ()))}
    for name in names:
        value = getattr(node, name, None)
        yield from (
            one
            for one in (value if isinstance(value, (list, tuple)) else (value,))
            if isinstance(one, ASTNodeBase)
        )


_QUOTED = re.compile(r"""\"(?:\\.|[^"\\])*\"|'(?:\\.|[^'\\])*'""")
_REFUSED_SIGNS = re.compile(r"[!=]~+|<<|>>|\*\*|[~$?^|&#{}]")
_NAMES = {
    "FunctionCallExpression": "()", "ComprehensionExpression": "for", "GetSliceExpression": "[:]",
    "DatetimeExpression": 'd""', "TimedeltaExpression": 't""', "BytesExpression": 'b""',
}  # fmt: skip
