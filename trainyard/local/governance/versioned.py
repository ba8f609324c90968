"""What quotas and policies have in common: a name within a cluster, versions, and states that take their time.

Sources, read 2026-11-22: Create-, Describe-, Update-, Delete- and ListComputeQuotas and the same operations of
ClusterSchedulerConfig, SageMaker API reference. That TargetVersion is the version that the caller has seen, is
how AWS's Terraform module for HyperPod reads it; that a change comes to a conflict while another one is under way, is
how this cloud does. The reference says neither.
"""

import secrets
import string
import time
from collections.abc import Mapping
from typing import Any

from trainyard.local.api import listing
from trainyard.local.api.errors import ServiceError, invalid
from trainyard.local.api.service import Answer, Context, Request
from trainyard.local.api.store import Document
from trainyard.local.governance.clusters import check_cluster

_LETTERS = string.ascii_lowercase + string.digits
_SETTLES = {"Creating": "Created", "Updating": "Updated"}
_BUSY = frozenset({"Creating", "Updating", "Deleting"})


class Versioned:
    """Documents of one kind. A subclass names its operations."""

    def __init__(self, context: Context, *, noun: str, kind: str, settle_seconds: float) -> None:
        """Composes it.

        Args:
            context: what the families share.
            noun: the word in the operations' names.
            kind: type of the resource in its ARN.
            settle_seconds: how long a change is under way.
        """
        self._context, self._store = context, context.store
        self._noun, self._kind, self._settle = noun, kind, settle_seconds

    def create(self, request: Request, content: Mapping[str, Any]) -> Answer:
        """Begins to make one.

        Raises:
            ServiceError: ConflictException, when the cluster has one of this name or of this target.
        """
        check_cluster(self._context, request["ClusterArn"])
        for other in self._in(request["ClusterArn"]):
            if other["Name"] == request["Name"]:
                raise conflict(f"{self._noun} {request['Name']!r} exists in {request['ClusterArn']}.")
            self.refuse_beside(other, content)
        identity = "".join(secrets.choice(_LETTERS) for _ in range(12))
        arn = self._context.arn(f"{self._kind}/{identity}")
        now = time.time()
        document = {
            f"{self._noun}Arn": arn,
            f"{self._noun}Id": identity,
            "Name": request["Name"],
            # Not ClusterArn: what is found by that member is the cluster itself.
            "Cluster": request["ClusterArn"],
            "CreationTime": now,
            "LastModifiedTime": now,
            "Tags": request.get("Tags", []),
            "Versions": [],
        }
        self._begin(document, "Creating", content)
        self._store.insert(self._kind, identity, document)
        return {f"{self._noun}Arn": arn, f"{self._noun}Id": identity}

    def describe(self, request: Request) -> Answer:
        """One of them, as it is or as a version was."""
        document = self._get(request[f"{self._noun}Id"])
        number = request.get(f"{self._noun}Version")
        if number is None:
            return self._shown(document)
        for version in document["Versions"]:
            if version["Number"] == number:
                return self._shown(document, version)
        raise self._unknown(f"{document[f'{self._noun}Id']} version {number}")

    def update(self, request: Request, content: Mapping[str, Any]) -> Answer:
        """Begins a change.

        Raises:
            ServiceError: ConflictException, when another change is under way or came before.
        """

        def change(document: Document) -> None:
            self._check_idle(document)
            number = document["Versions"][-1]["Number"]
            if request["TargetVersion"] != number:
                raise conflict(f"TargetVersion: got {request['TargetVersion']}, but the version is {number}.")
            if document["Status"].startswith("Create") and document["Status"] != "Created":
                raise invalid(f"{self._noun} {document['Name']!r} is {document['Status']}: delete it.")
            self._begin(document, "Updating", {**document["Versions"][-1]["Content"], **content})
            document["LastModifiedTime"] = time.time()

        identity = self._get(request[f"{self._noun}Id"])[f"{self._noun}Id"]
        document = self._store.modify(self._kind, identity, change)
        number = document["Versions"][-1]["Number"]
        return {f"{self._noun}Arn": document[f"{self._noun}Arn"], f"{self._noun}Version": number}

    def delete(self, request: Request) -> Answer:
        """Begins to delete one.

        Raises:
            ServiceError: ResourceNotFound, or ConflictException when a change is under way.
        """

        def change(document: Document) -> None:
            self._check_idle(document)
            document.update(Status="Deleting", SettlesAt=time.time() + self._settle)

        self._store.modify(self._kind, self._get(request[f"{self._noun}Id"])[f"{self._noun}Id"], change)
        return {}

    def page(self, request: Request) -> Answer:
        """Those that a List request asks for, newest first unless it says otherwise."""
        documents = [self._now(row) for row in self._store.list(self._kind)]
        rows = [self._shown(row) for row in documents if row is not None]
        wanted = {name: request[name] for name in ("ClusterArn", "Status") if name in request}
        rows = [row for row in rows if all(row[name] == value for name, value in wanted.items())]
        bounds = {new: request[old] for old, new in _BOUNDS.items() if old in request}
        chosen = listing.select(rows, {"SortOrder": "Descending", **request, **bounds}, name="Name", status="Status")
        return listing.page(chosen, request, f"{self._noun}Summaries", identity=f"{self._noun}Arn")

    def refuse_beside(self, other: Document, content: Mapping[str, Any]) -> None:
        """Refuses what cannot be beside ``other`` in one cluster."""

    def failure(self, _cluster: str, _content: Mapping[str, Any], /) -> str | None:
        """Why a change will fail when it is carried out; None where it will not."""
        return None

    def _begin(self, document: Document, status: str, content: Mapping[str, Any]) -> None:
        reason = self.failure(document["Cluster"], content)
        document.update(Status=status, SettlesAt=time.time() + self._settle, FailureReason=reason)
        if reason is None or not document["Versions"]:
            number = len(document["Versions"]) + 1
            document["Versions"].append({"Number": number, "Content": dict(content)})

    def _check_idle(self, document: Document) -> None:
        if document["Status"] in _BUSY and time.time() < document["SettlesAt"]:
            raise conflict(f"{self._noun} {document['Name']!r} is {document['Status']}.")
        self._settled(document)

    @staticmethod
    def _settled(document: Document) -> None:
        if document["Status"] in _SETTLES and time.time() >= document["SettlesAt"]:
            ends = _SETTLES[document["Status"]]
            document["Status"] = f"{ends.removesuffix('d')}Failed" if document["FailureReason"] else ends

    def _now(self, document: Document) -> Document | None:
        """The document as of now; None when it is deleted by now."""
        if document["Status"] == "Deleting" and time.time() >= document["SettlesAt"]:
            self._store.delete(self._kind, document[f"{self._noun}Id"])
            return None
        self._settled(document)
        return document

    def _get(self, identity: str) -> Document:
        found = self._store.get(self._kind, identity)
        document = self._now(found) if found is not None else None
        if document is None:
            raise self._unknown(identity)
        return document

    def _in(self, cluster: str) -> list[Document]:
        rows = [self._now(row) for row in self._store.list(self._kind) if row["Cluster"] == cluster]
        return [row for row in rows if row is not None]

    def _shown(self, document: Document, version: Document | None = None) -> Answer:
        shown = version or document["Versions"][-1]
        return {
            **document,
            **shown["Content"],
            "ClusterArn": document["Cluster"],
            f"{self._noun}Version": shown["Number"],
        }

    def _unknown(self, what: str) -> ServiceError:
        return ServiceError("ResourceNotFound", f"{self._noun} {what} does not exist.")


_BOUNDS = {"CreatedAfter": "CreationTimeAfter", "CreatedBefore": "CreationTimeBefore"}


def conflict(message: str) -> ServiceError:
    """A change that meets another one."""
    return ServiceError("ConflictException", message)
