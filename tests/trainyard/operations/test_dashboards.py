"""Dashboards are written into a Grafana that answers over HTTP, with a token that is gone afterwards."""

from __future__ import annotations

import io
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from trainyard.operations.connection import Connection, OperationError
from trainyard.operations.dashboards import ACCOUNT, publish

ROOT = "/trainyard/dev/observability"
PROMETHEUS = "https://aps-workspaces.eu-west-1.amazonaws.com/workspaces/ws-1/"


class Grafana:
    """As much of Grafana as is asked for, in memory."""

    def __init__(self) -> None:
        self.tokens: set[str] = set()
        self.sources: dict[str, Any] = {}
        self.pages: dict[str, Any] = {}
        self.folders: list[str] = []
        self.refused = ""
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def answer(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                status, found = outer.serve(f"{self.command} {self.path}", body, self.headers["Authorization"])
                content = json.dumps(found).encode()
                self.send_response(status)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            do_POST = do_PUT = answer  # noqa: N815

            def log_message(self, *_: Any) -> None:
                """Nothing."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()

    def serve(self, what: str, body: dict[str, Any], key: str) -> tuple[int, dict[str, Any]]:
        if key.removeprefix("Bearer ") not in self.tokens:
            return 401, {"message": "Invalid API key"}
        if what == "PUT /api/datasources/uid/trainyard":
            if body["uid"] not in self.sources:
                return 404, {"message": "Data source not found"}
            self.sources[body["uid"]] = body
        elif what == "POST /api/datasources":
            self.sources[body["uid"]] = body
        elif what == "POST /api/folders":
            if body["uid"] in self.folders:
                return 412, {"message": "the folder has been changed by someone else"}
            self.folders.append(body["uid"])
        elif what == "POST /api/dashboards/db":
            uid = body["dashboard"]["uid"]
            if uid == self.refused:
                return 400, {"message": "bad dashboard"}
            self.pages[uid] = body
            return 200, {"url": f"/d/{uid}/x"}
        return 200, {}


class Aws:
    """The three services, as far as they are asked."""

    def __init__(self, grafana: Grafana, endpoint: str) -> None:
        self._grafana, self._endpoint = grafana, endpoint
        self.accounts: dict[str, str] = {}
        self.parameters = {f"{ROOT}/grafana": "g-1", f"{ROOT}/prometheus": PROMETHEUS,
                           f"{ROOT}/dashboards/one": "s3://b/one", f"{ROOT}/dashboards/two": "s3://b/two"}  # fmt: skip

    def get_paginator(self, name: str) -> Any:
        rows: dict[str, Any] = {
            "get_parameters_by_path": {"Parameters": [{"Name": k, "Value": v} for k, v in self.parameters.items()]},
            "list_workspace_service_accounts": {
                "serviceAccounts": [{"name": k, "id": v} for k, v in self.accounts.items()]
            },
        }

        class Pages:
            paginate = staticmethod(lambda **_: [rows[name]])

        return Pages

    def get_object(self, *, Bucket: str, Key: str) -> dict[str, Any]:
        return {"Body": io.BytesIO(json.dumps({"uid": Key, "title": Key}).encode())}

    def describe_workspace(self, *, workspaceId: str) -> dict[str, Any]:
        return {"workspace": {"endpoint": self._endpoint}}

    def create_workspace_service_account(self, **given: Any) -> dict[str, str]:
        self.accounts[given["name"]] = str(len(self.accounts) + 1)
        return {"id": self.accounts[given["name"]]}

    def create_workspace_service_account_token(self, **given: Any) -> dict[str, Any]:
        assert given["secondsToLive"] <= 600
        self._grafana.tokens.add("key")
        return {"serviceAccountToken": {"id": "7", "key": "key"}}

    def delete_workspace_service_account_token(self, **given: Any) -> None:
        assert given["tokenId"] == "7"
        self._grafana.tokens.clear()


@pytest.fixture
def grafana() -> Iterator[Grafana]:
    made = Grafana()
    yield made
    made.server.shutdown()
    made.server.server_close()


@pytest.fixture
def aws(grafana: Grafana) -> Aws:
    return Aws(grafana, f"http://127.0.0.1:{grafana.server.server_port}")


def connection(aws: Aws) -> Connection:
    return Connection(cloud=None, _clients=dict.fromkeys(("ssm", "s3", "grafana"), aws))


def test_every_page_is_written_and_its_address_told(aws: Aws, grafana: Grafana) -> None:
    addresses = publish(connection(aws), "dev")
    assert [address.partition("/d/")[2] for address in addresses] == ["one/x", "two/x"]
    assert all(page["overwrite"] and page["folderUid"] == "trainyard" for page in grafana.pages.values())


def test_the_source_is_read_with_the_workspaces_role(aws: Aws, grafana: Grafana) -> None:
    publish(connection(aws), "dev")
    source = grafana.sources["trainyard"]
    assert (source["url"], source["jsonData"]["sigV4Region"]) == (PROMETHEUS, "eu-west-1")
    assert source["jsonData"]["sigV4AuthType"] == "workspace-iam-role"


def test_publishing_twice_changes_nothing_but_what_changed(aws: Aws, grafana: Grafana) -> None:
    publish(connection(aws), "dev")
    aws.parameters[f"{ROOT}/prometheus"] = PROMETHEUS.replace("ws-1", "ws-2")
    publish(connection(aws), "dev")
    assert (list(grafana.sources), grafana.folders) == (["trainyard"], ["trainyard"])
    assert grafana.sources["trainyard"]["url"].endswith("ws-2/")
    assert list(aws.accounts) == [ACCOUNT]


def test_no_token_is_left(aws: Aws, grafana: Grafana) -> None:
    publish(connection(aws), "dev")
    assert grafana.tokens == set()


def test_no_token_is_left_when_a_page_is_refused(aws: Aws, grafana: Grafana) -> None:
    grafana.refused = "two"
    with pytest.raises(OperationError, match=r"400 .*bad dashboard"):
        publish(connection(aws), "dev")
    assert grafana.tokens == set()


def test_an_environment_without_dashboards_is_told_so(aws: Aws) -> None:
    aws.parameters = {}
    with pytest.raises(OperationError, match="Deploy its stack"):
        publish(connection(aws), "dev")


def test_a_grafana_that_lets_nobody_in_is_told_so(aws: Aws, grafana: Grafana) -> None:
    grafana.server.shutdown()
    grafana.server.server_close()
    with pytest.raises(OperationError, match="does not answer"):
        publish(connection(aws), "dev")
