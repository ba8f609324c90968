"""Dashboards of a deployment, written into its Grafana.

A token is made for the occasion, lives for minutes, and is deleted at the end: nothing that opens Grafana is kept
anywhere. Sources, read 2026-11-22: CreateWorkspaceServiceAccountToken, Amazon Managed Grafana API reference;
"Dashboard", "Folder" and "Data source HTTP API", Grafana documentation.
"""

from __future__ import annotations

import contextlib
import datetime
import json
import urllib.error
import urllib.request
from collections.abc import Iterator
from typing import Any

from botocore.exceptions import ClientError

from ml_contract.dashboards import GRAFANA, PAGES, SOURCE, path
from trainyard.operations.connection import Connection, OperationError

ACCOUNT = "trainyard-dashboards"
"""Grafana's service account, the same each time: every further one would be paid for. Without a token it can do
nothing."""
TOKEN_SECONDS = 300
UID = "trainyard"
"""Of the data source and of the folder."""
_TIMEOUT_SECONDS = 30
_THERE = (409, 412)
"""What Grafana answers when a folder of that id is there."""


def publish(connection: Connection, environment: str) -> list[str]:
    """Write the data source and every dashboard; what is there under the same id is replaced.

    Args:
        connection: The cloud that the environment is deployed to.
        environment: Its name.

    Returns:
        Addresses of the pages.

    Raises:
        OperationError: Nothing is published for the environment, or Grafana refused something.
    """
    values = _published(connection, environment)
    workspace = values[GRAFANA]
    pages = {name.removeprefix(f"{PAGES}/"): uri for name, uri in values.items() if name.startswith(f"{PAGES}/")}
    texts = {uid: _text(connection, uri) for uid, uri in sorted(pages.items())}
    client = connection.client("grafana")
    host: str = client.describe_workspace(workspaceId=workspace)["workspace"]["endpoint"]
    address = host if "://" in host else f"https://{host}"
    with _token(client, workspace) as key:
        grafana = _Grafana(address, key)
        grafana.put_source(values[SOURCE])
        grafana.put_folder()
        return [address + grafana.put_page(uid, text) for uid, text in texts.items()]


class _Grafana:
    """Grafana's own API."""

    def __init__(self, address: str, key: str) -> None:
        self._address, self._key = address, key

    def put_source(self, prometheus: str) -> None:
        """Prometheus' workspace, read with the role of Grafana's."""
        region = prometheus.partition("aps-workspaces.")[2].partition(".")[0]
        signing = {"sigV4Auth": True, "sigV4AuthType": "workspace-iam-role", "sigV4Region": region}
        source = {"uid": UID, "name": UID, "type": "prometheus", "access": "proxy", "url": prometheus,
                  "jsonData": {"httpMethod": "POST", **signing}}  # fmt: skip
        if self._call("PUT", f"/api/datasources/uid/{UID}", source, passing=(404,)) is None:
            self._call("POST", "/api/datasources", source)

    def put_folder(self) -> None:
        self._call("POST", "/api/folders", {"uid": UID, "title": "Trainyard"}, passing=_THERE)

    def put_page(self, uid: str, text: str) -> str:
        """Write a dashboard; returns its path."""
        page = json.loads(text)
        answer = self._call("POST", "/api/dashboards/db", {"dashboard": page, "folderUid": UID, "overwrite": True})
        return str((answer or {}).get("url", f"/d/{uid}"))

    def _call(self, method: str, where: str, body: dict[str, Any], passing: tuple[int, ...] = ()) -> Any:
        request = urllib.request.Request(
            self._address + where,
            json.dumps(body).encode(),
            {"Authorization": f"Bearer {self._key}", "Content-Type": "application/json"},
            method=method,
        )
        try:
            with urllib.request.urlopen(request, timeout=_TIMEOUT_SECONDS) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as error:
            if error.code in passing:
                return None
            said = " ".join(error.read().decode(errors="replace").split())[:300]
            raise OperationError(f"Grafana refused {method} {where}: {error.code} {said}") from error
        except OSError as error:
            raise OperationError(
                f"Grafana at {self._address} does not answer: {error}. Is this machine in what its settings let in?"
            ) from error


@contextlib.contextmanager
def _token(client: Any, workspace: str) -> Iterator[str]:
    account = _account(client, workspace)
    made = client.create_workspace_service_account_token(
        workspaceId=workspace, serviceAccountId=account, name=f"publish-{_now()}", secondsToLive=TOKEN_SECONDS
    )["serviceAccountToken"]
    try:
        yield made["key"]
    finally:
        client.delete_workspace_service_account_token(
            workspaceId=workspace, serviceAccountId=account, tokenId=made["id"]
        )


def _account(client: Any, workspace: str) -> str:
    pages = client.get_paginator("list_workspace_service_accounts").paginate(workspaceId=workspace)
    for row in (row for page in pages for row in page["serviceAccounts"]):
        if row["name"] == ACCOUNT:
            return str(row["id"])
    # Data sources are an administrator's.
    made = client.create_workspace_service_account(workspaceId=workspace, name=ACCOUNT, grafanaRole="ADMIN")
    return str(made["id"])


def _now() -> str:
    return datetime.datetime.now(datetime.UTC).strftime("%Y%m%dT%H%M%S%f")


def _published(connection: Connection, environment: str) -> dict[str, str]:
    root = path(environment)
    pages = connection.client("ssm").get_paginator("get_parameters_by_path").paginate(Path=root, Recursive=True)
    found = {row["Name"].removeprefix(f"{root}/"): row["Value"] for page in pages for row in page["Parameters"]}
    if GRAFANA not in found or SOURCE not in found:
        raise OperationError(f"{connection.name} has no dashboards of {environment!r} below {root}. Deploy its stack.")
    return found


def _text(connection: Connection, uri: str) -> str:
    bucket, _, key = uri.removeprefix("s3://").partition("/")
    try:
        return str(connection.client("s3").get_object(Bucket=bucket, Key=key)["Body"].read().decode())
    except ClientError as error:
        raise OperationError(f"{uri} cannot be read: {error}") from error
