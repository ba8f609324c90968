"""GetMetricData as CloudWatch answers it: by exact dimensions, newest first, with searches and arithmetic.

The emulator evaluates no expression, and without dimensions it takes every metric of a name for one. Sources, read
2026-11-22: GetMetricData, CloudWatch API Reference; "CloudWatch search expression syntax" and "Using math expressions
with CloudWatch metrics", CloudWatch User Guide.
"""

from __future__ import annotations

import ast
import operator
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ministack.services import cloudwatch

_SEARCH = re.compile(r"SEARCH\(\s*'\s*\{([^}]*)\}\s*(.*?)\s*'\s*,\s*'([^']+)'\s*(?:,\s*(\d+)\s*)?\)")
_TERM = re.compile(r'(?:([\w.]+)=)?("[^"]*"|[^\s()"]+)(?:\s+|$)')
_TOKENS = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])|[0-9]+")
_MOST_FOUND = 500
"""Series of one search."""
_DEFAULT_PERIOD = 300
_SIGNS: Mapping[type, Callable[[float, float], float]] = {
    ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul, ast.Div: operator.truediv,
}  # fmt: skip

Points = dict[float, float]


class _Refused(ValueError):
    """A request that is wrong, or uses what nothing here evaluates."""


@dataclass(frozen=True)
class _Curve:
    label: str
    points: Points


def install() -> None:
    """Puts it in the emulator's place."""
    emulated = cloudwatch._get_metric_data

    def answer(params: Any, data: Mapping[str, Any], is_cbor: bool, is_json: bool = False) -> Any:
        if not (is_cbor or is_json):
            # The old protocol, which no SDK of today speaks.
            return emulated(params, data, is_cbor, is_json)
        try:
            results = _Request(data).results()
        except _Refused as error:
            return cloudwatch._error("ValidationError", str(error), 400, use_json=is_json, use_cbor=is_cbor)
        if is_json:
            return cloudwatch._json_ok({"MetricDataResults": results})
        return cloudwatch._cbor_ok({"MetricDataResults": [cloudwatch._cbor_metric_data_result(r) for r in results]})

    cloudwatch._get_metric_data = answer


class _Request:
    def __init__(self, data: Mapping[str, Any]) -> None:
        self._queries: Sequence[Mapping[str, Any]] = data.get("MetricDataQueries") or []
        self._start, self._end = (cloudwatch._parse_ts(data.get(name)) for name in ("StartTime", "EndTime"))
        self._newest_first = data.get("ScanBy", "TimestampDescending") == "TimestampDescending"
        ids = [query.get("Id", "") for query in self._queries]
        if wrong := next((one for one in ids if not re.fullmatch(r"[a-z]\w*", one) or ids.count(one) > 1), None):
            raise _Refused(f"Id: got {wrong!r}, but it begins with a small letter, and is given once")
        self._found: dict[str, list[_Curve]] = {}

    def results(self) -> list[dict[str, Any]]:
        waiting = list(self._queries)
        while waiting:
            ready = [query for query in waiting if not (self._needs(query) - self._found.keys())]
            if not ready:
                raise _Refused(f"Expression: {waiting[0]['Expression']!r} needs what no query gives")
            for query in ready:
                self._found[query["Id"]] = self._evaluate(query)
            waiting = [query for query in waiting if query not in ready]
        return [
            self._result(query["Id"], curve)
            for query in self._queries
            if query.get("ReturnData", True)
            for curve in self._found[query["Id"]]
        ]

    def _result(self, identity: str, curve: _Curve) -> dict[str, Any]:
        moments = sorted(curve.points, reverse=self._newest_first)
        return {
            "Id": identity,
            "Label": curve.label,
            "Timestamps": [cloudwatch._ts_iso(moment) for moment in moments],
            "Values": [curve.points[moment] for moment in moments],
            "StatusCode": "Complete",
        }

    @staticmethod
    def _needs(query: Mapping[str, Any]) -> set[str]:
        text = query.get("Expression", "")
        if not text or text.startswith("SEARCH"):
            return set()
        return {node.id for node in ast.walk(_parsed(text)) if isinstance(node, ast.Name)}

    def _evaluate(self, query: Mapping[str, Any]) -> list[_Curve]:
        if text := query.get("Expression"):
            if text.startswith("SEARCH"):
                return self._search(text, query)
            return [_Curve(query.get("Label") or query["Id"], self._compute(_parsed(text).body))]
        wanted = query["MetricStat"]
        metric = wanted["Metric"]
        key = (
            metric["Namespace"],
            metric["MetricName"],
            cloudwatch._dims_key(cloudwatch._dims_from_list(metric.get("Dimensions") or [])),
        )
        label = query.get("Label") or metric["MetricName"]
        return [_Curve(label, self._points(key, wanted["Stat"], int(wanted["Period"])))]

    def _points(self, key: Any, stat: str, period: int) -> Points:
        periods: dict[float, list[Any]] = {}
        for point in cloudwatch._metrics.get(key) or []:
            if self._start <= point["Timestamp"] < self._end:
                periods.setdefault(point["Timestamp"] // period * period, []).append(point)
        values = {
            moment: cloudwatch._stat_value(cloudwatch._calc_stats(found), stat, found)
            for moment, found in periods.items()
        }
        return {moment: value for moment, value in values.items() if value is not None}

    def _search(self, text: str, query: Mapping[str, Any]) -> list[_Curve]:
        match = _SEARCH.fullmatch(text.strip())
        if match is None:
            raise _Refused(f"Expression: {text!r} is no SEARCH('{{namespace,dimensions}} terms', 'statistic')")
        schema, terms, stat, own = match.groups()
        period = int(own or query.get("Period") or _DEFAULT_PERIOD)
        namespace, *dimensions = (part.strip().strip('"') for part in schema.split(","))
        wanted = _terms(terms)
        found = []
        for key, kept in list(cloudwatch._metrics.items()):
            # All points of a metric have the same dimensions; the key holds them as one text.
            values = kept[0]["Dimensions"] if kept else {}
            if key[0] == namespace and set(values) == set(dimensions) and _matches(wanted, key[1], values):
                points = self._points(key, stat, period)
                if points:
                    found.append(((key[1], *(values[name] for name in dimensions)), points))
        found.sort(key=lambda one: one[0])
        names = _different([parts for parts, _ in found])
        prefix = query.get("Label") or ""
        return [
            _Curve(f"{prefix} {name}".strip(), points)
            for name, (_, points) in zip(names, found[:_MOST_FOUND], strict=False)
        ]

    def _compute(self, node: ast.expr) -> Points:
        if isinstance(node, ast.Name):
            curves = self._found[node.id]
            if len(curves) != 1:
                raise _Refused(f"Expression: {node.id} has {len(curves)} series, and the embedded cloud computes with"
                               " one")  # fmt: skip
            return curves[0].points
        assert isinstance(node, ast.BinOp)
        sign = _SIGNS[type(node.op)]
        sides = [_number(side) if isinstance(side, ast.Constant) else self._compute(side)
                 for side in (node.left, node.right)]  # fmt: skip
        moments = set.intersection(*(set(side) for side in sides if isinstance(side, dict)))
        found: Points = {}
        for moment in moments:
            left, right = (side[moment] if isinstance(side, dict) else side for side in sides)
            if not (sign is operator.truediv and right == 0):
                found[moment] = sign(left, right)
        return found


def _number(node: ast.Constant) -> float:
    assert isinstance(node.value, int | float)
    return float(node.value)


def _parsed(text: str) -> ast.Expression:
    """Arithmetic of ids and numbers.

    Raises:
        _Refused: It is something else.
    """
    try:
        tree = ast.parse(text.strip(), mode="eval")
    except SyntaxError:
        tree = None
    if tree is None or not isinstance(tree.body, ast.Name | ast.BinOp) or not all(map(_known, ast.walk(tree.body))):
        raise _Refused(f"Expression: got {text!r}, but the embedded cloud evaluates SEARCH(…), and ids and numbers"
                       " joined by + - * /")  # fmt: skip
    return tree


def _known(node: ast.AST) -> bool:
    if isinstance(node, ast.BinOp):
        both = isinstance(node.left, ast.Constant) and isinstance(node.right, ast.Constant)
        return type(node.op) in _SIGNS and not both
    if isinstance(node, ast.Constant):
        return isinstance(node.value, int | float)
    return isinstance(node, ast.Name | ast.operator | ast.expr_context)


def _terms(text: str) -> list[tuple[str | None, str]]:
    """What a search asks for: designator or none, and a word, in quotes where it is the whole value."""
    found, at = [], 0
    while at < len(text):
        match = _TERM.match(text, at)
        if match is None or match[2] in ("OR", "NOT"):
            raise _Refused(f"Expression: the embedded cloud searches for words that all must be there, got {text!r}")
        if match[2] != "AND":
            found.append((match[1], match[2]))
        at = match.end()
    return found


def _matches(wanted: Sequence[tuple[str | None, str]], name: str, dimensions: Mapping[str, str]) -> bool:
    values = {"MetricName": name, **dimensions}
    for designator, word in wanted:
        against = list(values.values()) if designator is None else [values.get(designator, "")]
        if word.startswith('"'):
            if word[1:-1] not in against:
                return False
        elif not any(_tokens(word) <= _tokens(value) for value in against):
            return False
    return True


def _tokens(text: str) -> set[str]:
    return {token.lower() for token in _TOKENS.findall(text)}


def _different(rows: Sequence[tuple[str, ...]]) -> list[str]:
    """What rows differ in; all values but the metric's name where there is one alone."""
    if len(rows) == 1:
        return [" ".join(rows[0][1:])]
    kept = [number for number, column in enumerate(zip(*rows, strict=True)) if len(set(column)) > 1]
    return [" ".join(row[number] for number in kept) for row in rows]
