"""Compute quotas as SageMaker keeps them: made once, awaited, changed against their version, removed.

Sources, read 2026-11-22: Create-, Describe-, Update-, Delete- and ListComputeQuotas, SageMaker API reference. The API
takes no client token, so what a call that was sent twice has made is found again by name and by the tag of its owner.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from botocore.exceptions import ClientError

from .comparing import Document, changeable, differences

OWNER = "trainyard:owner"
"""Tag that says which resource of which stack made a quota."""
READY = frozenset({"Created", "Updated"})
_BUSY = frozenset({"Creating", "Updating", "Deleting"})
_GONE = frozenset({"ResourceNotFound", "ResourceNotFoundException"})
_CONFLICTS = frozenset({"ConflictException"})
_FIRST_PAUSE_SECONDS = 0.5
_LONGEST_PAUSE_SECONDS = 10.0
_LAST_PAUSES = (2.0, 4.0, 8.0)
"""Seconds between tries to take back what failed, within the time that the entry keeps back."""


class Failed(Exception):
    """A quota that did not become what was asked; the message is meant for whoever deploys."""


class OutOfTime(Failed):
    """SageMaker took longer than there is time for."""


class Quotas:
    """Operations on compute quotas within a time."""

    def __init__(
        self, client: Any, remaining: Callable[[], float], sleep: Callable[[float], None] = time.sleep
    ) -> None:
        """Compose it.

        Args:
            client: Client of SageMaker.
            remaining: Tells how many seconds are left.
            sleep: Waits so many seconds.
        """
        self._client, self._remaining, self._sleep = client, remaining, sleep

    def make(self, request: Document, owner: str) -> str:
        """Make a quota, or take up the one that this owner's earlier call has made; returns its id once it is ready.

        Raises:
            Failed: It was refused, failed or took too long. What was made is removed again; a quota of somebody
                else's with the same name is left as it is.
        """
        try:
            made = self._client.create_compute_quota(**request, Tags=[{"Key": OWNER, "Value": owner}])
        except ClientError as error:
            if _code(error) not in _CONFLICTS:
                raise
            identity = self._own(request, owner, error)
            found = self._settled(identity)
            if found is not None and found["Status"] in READY:
                return self.change(identity, request)
            # What an earlier try left behind unfinished.
            self.remove(identity)
            made = self._client.create_compute_quota(**request, Tags=[{"Key": OWNER, "Value": owner}])
        identity = str(made["ComputeQuotaId"])
        try:
            found = self._settled(identity)
            if found is None or found["Status"] not in READY:
                raise Failed(_story(request["Name"], found))
        except (Failed, ClientError):
            # The stack gets no record of it, so nobody else would remove it.
            self._remove_quietly(identity)
            raise
        return identity

    def change(self, identity: str, request: Document) -> str:
        """Bring a quota to what ``request`` says, whatever it was; returns its id.

        Raises:
            Failed: It is gone, failed or took too long.
        """
        while True:
            found = self._settled(identity)
            if found is None:
                raise Failed(f"{request['Name']}: quota {identity} is gone; somebody deleted it outside the stack")
            wanted = changeable(request)
            if found["Status"] in READY and not differences(wanted, found):
                return identity
            try:
                self._client.update_compute_quota(
                    ComputeQuotaId=identity, TargetVersion=found["ComputeQuotaVersion"], **wanted
                )
            except ClientError as error:
                if _code(error) not in _CONFLICTS:
                    raise
                # Somebody else's change came between: look again, and change what is there now.
                self._pause(_FIRST_PAUSE_SECONDS, f"{request['Name']}: others kept changing it")
                continue
            after = self._settled(identity)
            if after is None or after["Status"] not in READY:
                raise Failed(_story(request["Name"], after))
            return identity

    def remove(self, identity: str) -> None:
        """Delete a quota; one that is gone is no error.

        Raises:
            Failed: It could not be deleted, or that took too long.
        """
        while (found := self._settled(identity)) is not None:
            try:
                self._client.delete_compute_quota(ComputeQuotaId=identity)
            except ClientError as error:
                if _code(error) in _GONE:
                    return
                if _code(error) not in _CONFLICTS:
                    raise
                self._pause(_FIRST_PAUSE_SECONDS, f"{found['Name']}: others kept changing it")
                continue
            after = self._settled(identity)
            if after is not None:
                raise Failed(_story(found["Name"], after))
            return

    def describe(self, identity: str) -> Document | None:
        """The quota as it is; None where it is gone."""
        try:
            found: Document = self._client.describe_compute_quota(ComputeQuotaId=identity)
        except ClientError as error:
            if _code(error) in _GONE:
                return None
            raise
        return None if found["Status"] == "Deleted" else found

    def _own(self, request: Document, owner: str, conflict: ClientError) -> str:
        """Id of the quota that stands in the way, when this owner has made it."""
        pages = self._client.get_paginator("list_compute_quotas").paginate(
            ClusterArn=request["ClusterArn"], NameContains=request["Name"]
        )
        for row in (row for page in pages for row in page["ComputeQuotaSummaries"]):
            if row["Name"] == request["Name"]:
                tags = self._client.list_tags(ResourceArn=row["ComputeQuotaArn"])["Tags"]
                if {"Key": OWNER, "Value": owner} in tags:
                    return str(row["ComputeQuotaId"])
        message = conflict.response["Error"].get("Message", "")
        raise Failed(f"{request['Name']}: the cluster has a quota that this stack did not make, and leaves alone "
                     f"({message}). Delete it, or choose another team.") from conflict  # fmt: skip

    def _settled(self, identity: str) -> Document | None:
        """The quota once nothing is under way any more; None where it is gone."""
        pause = _FIRST_PAUSE_SECONDS
        while (found := self.describe(identity)) is not None and found["Status"] in _BUSY:
            self._pause(pause, f"{found['Name']}: still {found['Status']} when the time was over")
            pause = min(_LONGEST_PAUSE_SECONDS, pause * 1.5)
        return found

    def _pause(self, seconds: float, story: str) -> None:
        if self._remaining() <= seconds:
            raise OutOfTime(story)
        self._sleep(seconds)

    def _remove_quietly(self, identity: str) -> None:
        """Delete in the time that is kept for it: what has to be seen is why the quota failed."""
        for pause in (*_LAST_PAUSES, None):
            try:
                self._client.delete_compute_quota(ComputeQuotaId=identity)
            except ClientError as error:
                if _code(error) in _CONFLICTS and pause is not None:
                    self._sleep(pause)
                    continue
                if _code(error) not in _GONE:
                    print(f"quota {identity} was left behind: {error}")  # noqa: T201
            return


def _code(error: ClientError) -> str:
    return str(error.response["Error"]["Code"])


def _story(name: str, found: Document | None) -> str:
    if found is None:
        return f"{name}: it was deleted meanwhile"
    return f"{name}: {found['Status']}: {found.get('FailureReason') or 'SageMaker gives no reason'}"
