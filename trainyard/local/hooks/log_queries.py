"""Logs Insights on the embedded cloud: saved queries, and queries that do what they say.

The emulator has no saved queries, and passes over every command of a query that it does not know: a filter that is not
understood would show everything.
"""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Callable
from typing import Any

from ministack.services import cloudwatch_logs

from trainyard.local.api.store import Store
from trainyard.local.hooks.replies import Reply
from trainyard.local.insights import MalformedQuery, Record, parse

KIND = "QueryDefinition"
_MOST = 1000


class LogQueries:
    """Saved queries, and the evaluation of any."""

    def __init__(self, store: Store) -> None:
        """Composes it.

        Args:
            store: keeps what is saved.
        """
        self._store = store
        self._emulated = cloudwatch_logs.handle_request
        self._operations: dict[str, Callable[[dict[str, Any]], Reply]] = {
            "PutQueryDefinition": self._put,
            "DescribeQueryDefinitions": self._describe,
            "DeleteQueryDefinition": self._delete,
            "StartQuery": self._start,
        }

    def install(self) -> None:
        """Puts it before the emulator's own."""
        cloudwatch_logs.handle_request = self._handle

    async def _handle(self, method: str, path: str, headers: Any, body: bytes, query: Any) -> Any:
        operation = self._operations.get(headers.get("x-amz-target", "").rpartition(".")[2])
        if operation is None:
            return await self._emulated(method, path, headers, body, query)
        try:
            return operation(json.loads(body or b"{}"))
        except MalformedQuery as error:
            return _error("MalformedQueryException", str(error))

    def _put(self, request: dict[str, Any]) -> Reply:
        # CloudWatch saves what it cannot read, and says so when it is started.
        parse(request.get("queryString", ""))
        name = request.get("name")
        if not name:
            return _error("InvalidParameterException", "name: it is missing")
        same = next((one for one in self._store.list(KIND) if one["name"] == name), None)
        identity = request.get("queryDefinitionId") or (same or {}).get("queryDefinitionId") or str(uuid.uuid4())
        saved = {
            "queryDefinitionId": identity,
            "name": name,
            "queryString": request["queryString"],
            "logGroupNames": request.get("logGroupNames", []),
            "lastModified": int(time.time() * 1000),
        }
        if self._store.get(KIND, identity) is None:
            self._store.insert(KIND, identity, saved)
        else:
            self._store.update(KIND, identity, **saved)
        return _answer({"queryDefinitionId": identity})

    def _describe(self, request: dict[str, Any]) -> Reply:
        prefix = request.get("queryDefinitionNamePrefix", "")
        found = sorted(
            (one for one in self._store.list(KIND) if one["name"].startswith(prefix)), key=lambda one: one["name"]
        )
        start, most = int(request.get("nextToken", 0)), min(int(request.get("maxResults", _MOST)), _MOST)
        answer: dict[str, Any] = {"queryDefinitions": found[start : start + most]}
        if start + most < len(found):
            answer["nextToken"] = str(start + most)
        return _answer(answer)

    def _delete(self, request: dict[str, Any]) -> Reply:
        identity = request.get("queryDefinitionId", "")
        if not self._store.delete(KIND, identity):
            return _error("ResourceNotFoundException", f"There is no query definition {identity}")
        return _answer({"success": True})

    def _start(self, request: dict[str, Any]) -> Reply:
        groups = cloudwatch_logs._resolve_query_log_groups(request)
        if not groups:
            return _error("InvalidParameterException", "logGroupNames: no log group is named")
        for name in groups:
            if name not in cloudwatch_logs._log_groups:
                return _error("ResourceNotFoundException", f"The specified log group does not exist: {name}")
        run = parse(request.get("queryString", ""))
        records = cloudwatch_logs._collect_query_records(groups, request["startTime"], request["endTime"])
        rows = run([_plain(record) for record in records])[: int(request.get("limit", 10_000))]
        identity = str(uuid.uuid4())
        cloudwatch_logs._queries[identity] = {
            **{key: request[key] for key in ("queryString", "startTime", "endTime")},
            "queryId": identity,
            "status": "Complete",
            "results": [[{"field": name, "value": value} for name, value in row.items()] for row in rows],
            "statistics": {
                "recordsMatched": float(len(rows)),
                "recordsScanned": float(len(records)),
                "bytesScanned": float(sum(len(record["@message"]) for record in records)),
            },
        }
        return _answer({"queryId": identity})


def _plain(record: dict[str, Any]) -> Record:
    return {name: str(value) for name, value in cloudwatch_logs._public_log_record(record).items()}


def _answer(content: dict[str, Any]) -> Reply:
    return 200, {"Content-Type": "application/x-amz-json-1.1"}, json.dumps(content).encode()


def _error(code: str, message: str) -> Reply:
    content = {"__type": code, "message": message}
    return 400, {"Content-Type": "application/x-amz-json-1.1", "x-amzn-errortype": code}, json.dumps(content).encode()
