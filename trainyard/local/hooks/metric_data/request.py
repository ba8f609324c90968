"""One request of GetMetricData: its queries, each evaluated once what it needs is known."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ministack.services import cloudwatch

from trainyard.local.hooks.metric_data import arithmetic
from trainyard.local.hooks.metric_data.arithmetic import Points
from trainyard.local.hooks.metric_data.refused import Refused
from trainyard.local.hooks.metric_data.search import Search, labels

_MOST_FOUND = 500
"""Series of one search."""
_DEFAULT_PERIOD = 300


@dataclass(frozen=True)
class _Curve:
    label: str
    points: Points


class MetricDataRequest:
    """A request and what its queries give."""

    def __init__(self, data: Mapping[str, Any]) -> None:
        """Reads a request.

        Raises:
            Refused: Two queries have one id, or one has no right one.
        """
        self._queries: Sequence[Mapping[str, Any]] = data.get("MetricDataQueries") or []
        self._start, self._end = (cloudwatch._parse_ts(data.get(name)) for name in ("StartTime", "EndTime"))
        self._newest_first = data.get("ScanBy", "TimestampDescending") == "TimestampDescending"
        ids = [query.get("Id", "") for query in self._queries]
        if wrong := next((one for one in ids if not re.fullmatch(r"[a-z]\w*", one) or ids.count(one) > 1), None):
            raise Refused(f"Id: got {wrong!r}, but it begins with a small letter, and is given once")
        self._found: dict[str, list[_Curve]] = {}

    def results(self) -> list[dict[str, Any]]:
        """The series that shall be returned, in the order of their queries.

        Raises:
            Refused: An expression is wrong, or nothing here evaluates it.
        """
        waiting = list(self._queries)
        while waiting:
            ready = [query for query in waiting if not (self._needs(query) - self._found.keys())]
            if not ready:
                raise Refused(f"Expression: {waiting[0]['Expression']!r} needs what no query gives")
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
        return arithmetic.needs(text)

    def _evaluate(self, query: Mapping[str, Any]) -> list[_Curve]:
        if text := query.get("Expression"):
            if text.startswith("SEARCH"):
                return self._search(Search.parse(text), query)
            known = {name: [curve.points for curve in curves] for name, curves in self._found.items()}
            return [_Curve(query.get("Label") or query["Id"], arithmetic.compute(text, known))]
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

    def _search(self, search: Search, query: Mapping[str, Any]) -> list[_Curve]:
        period = search.period or int(query.get("Period") or _DEFAULT_PERIOD)
        found = []
        for key, kept in list(cloudwatch._metrics.items()):
            # All points of a metric have the same dimensions; the key holds them as one text.
            values = kept[0]["Dimensions"] if kept else {}
            if search.finds(key[0], key[1], values):
                points = self._points(key, search.statistic, period)
                if points:
                    found.append(((key[1], *(values[name] for name in search.dimensions)), points))
        found.sort(key=lambda one: one[0])
        names = labels([parts for parts, _ in found])
        prefix = query.get("Label") or ""
        return [
            _Curve(f"{prefix} {name}".strip(), points)
            for name, (_, points) in zip(names, found[:_MOST_FOUND], strict=False)
        ]
