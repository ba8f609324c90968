"""Expressions of ids and numbers, joined by + - * /."""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable, Mapping, Sequence

from trainyard.local.hooks.metric_data.refused import Refused

Points = dict[float, float]
"""Values by time, in seconds since 1970."""
_SIGNS: Mapping[type, Callable[[float, float], float]] = {
    ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul, ast.Div: operator.truediv,
}  # fmt: skip


def needs(text: str) -> set[str]:
    """The ids that an expression computes with.

    Raises:
        Refused: It is no such expression.
    """
    return {node.id for node in ast.walk(_parsed(text)) if isinstance(node, ast.Name)}


def compute(text: str, found: Mapping[str, Sequence[Points]]) -> Points:
    """What an expression gives at each time at which all of its ids have a value.

    Args:
        text: The expression.
        found: Series by id.

    Raises:
        Refused: It is no such expression, or one of its ids has not exactly one series.
    """
    return _compute(_parsed(text).body, found)


def _compute(node: ast.expr, found: Mapping[str, Sequence[Points]]) -> Points:
    if isinstance(node, ast.Name):
        curves = found[node.id]
        if len(curves) != 1:
            raise Refused(f"Expression: {node.id} has {len(curves)} series, and the embedded cloud computes with"
                           " one")  # fmt: skip
        return curves[0]
    assert isinstance(node, ast.BinOp)
    sign = _SIGNS[type(node.op)]
    sides = [_number(side) if isinstance(side, ast.Constant) else _compute(side, found)
             for side in (node.left, node.right)]  # fmt: skip
    moments = set.intersection(*(set(side) for side in sides if isinstance(side, dict)))
    values: Points = {}
    for moment in moments:
        left, right = (side[moment] if isinstance(side, dict) else side for side in sides)
        if not (sign is operator.truediv and right == 0):
            values[moment] = sign(left, right)
    return values


def _number(node: ast.Constant) -> float:
    assert isinstance(node.value, int | float)
    return float(node.value)


def _parsed(text: str) -> ast.Expression:
    """Arithmetic of ids and numbers.

    Raises:
        Refused: It is something else.
    """
    try:
        tree = ast.parse(text.strip(), mode="eval")
    except SyntaxError:
        tree = None
    if tree is None or not isinstance(tree.body, ast.Name | ast.BinOp) or not all(map(_known, ast.walk(tree.body))):
        raise Refused(f"Expression: got {text!r}, but the embedded cloud evaluates SEARCH(…), and ids and numbers"
                       " joined by + - * /")  # fmt: skip
    return tree


def _known(node: ast.AST) -> bool:
    if isinstance(node, ast.BinOp):
        both = isinstance(node.left, ast.Constant) and isinstance(node.right, ast.Constant)
        return type(node.op) in _SIGNS and not both
    if isinstance(node, ast.Constant):
        return isinstance(node.value, int | float)
    return isinstance(node, ast.Name | ast.operator | ast.expr_context)
