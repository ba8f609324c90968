"""Compute quotas as SageMaker keeps them: made once, awaited, changed against their version, removed.

Sources, read 2026-11-22: Create-, Describe-, Update-, Delete- and ListComputeQuotas, SageMaker API reference. The API
takes no client token, so what a call that was sent twice has made is found again by name and by the tag of its owner.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from .comparing import Document, changeable, differences
from .failures import Failed, Gone, OutOfTime, story
from .found import CONFLICTS, GONE, OWNER, code, in_the_way, is_owned

READY = frozenset({"Created", "Updated"})
_BUSY = frozenset({"Creating", "Updating", "Deleting"})
_FIRST_PAUSE_SECONDS = 0.5
_LONGEST_PAUSE_SECONDS = 10.0
_LAST_PAUSES = (2.0, 4.0, 8.0)
"""Seconds between tries to take back what failed, within the time that the entry keeps back."""


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
        while True:
            try:
                made = self._client.create_compute_quota(**request, Tags=[{"Key": OWNER, "Value": owner}])
            except ClientError as error:
                if code(error) not in CONFLICTS:
                    raise
                identity = self._take_up(request, owner, error)
                if identity is not None:
                    return identity
                self._pause(_FIRST_PAUSE_SECONDS, f"{request['Name']}: others kept making one of that name")
                continue
            identity = str(made["ComputeQuotaId"])
            try:
                found = self._settled(identity)
                if found is None or found["Status"] not in READY:
                    raise Failed(story(request["Name"], found))
            except (Failed, ClientError, BotoCoreError):
                # The stack gets no record of it, so nobody else would remove it.
                self._remove_quietly(identity)
                raise
            return identity

    def change(self, identity: str, request: Document) -> str:
        """Bring a quota to what ``request`` says, whatever it was; returns its id.

        Raises:
            Gone: There is none.
            Failed: It failed or took too long.
        """
        while True:
            found = self._settled(identity)
            if found is None:
                raise Gone(f"{request['Name']}: quota {identity} is gone; somebody deleted it outside the stack")
            wanted = changeable(request)
            if found["Status"] in READY and not differences(wanted, found):
                return identity
            try:
                self._client.update_compute_quota(
                    ComputeQuotaId=identity, TargetVersion=found["ComputeQuotaVersion"], **wanted
                )
            except ClientError as error:
                if code(error) not in CONFLICTS | GONE:
                    raise
                # Somebody else's change came between: look again, and change what is there now.
                self._pause(_FIRST_PAUSE_SECONDS, f"{request['Name']}: others kept changing it")
                continue
            after = self._settled(identity)
            if after is None:
                raise Gone(story(request["Name"], after))
            if after["Status"] not in READY:
                raise Failed(story(request["Name"], after))
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
                if code(error) in GONE:
                    return
                if code(error) not in CONFLICTS:
                    raise
                self._pause(_FIRST_PAUSE_SECONDS, f"{found['Name']}: others kept changing it")
                continue
            after = self._settled(identity)
            if after is not None:
                raise Failed(story(found["Name"], after))
            return

    def remove_own(self, request: Document, owner: str, *, but: str | None = None) -> None:
        """Delete the quota that this owner has made for ``request`` and nobody was told of; none is no error.

        Args:
            request: What the quota was made for.
            owner: Who made it.
            but: Id of a quota that CloudFormation knows, and deletes itself; by default it knows of none.

        Raises:
            Failed: It could not be deleted, or that took too long.
        """
        for row in in_the_way(self._client, request):
            if row["ComputeQuotaId"] != but and is_owned(self._client, row, owner):
                self.remove(str(row["ComputeQuotaId"]))

    def describe(self, identity: str) -> Document | None:
        """The quota as it is; None where it is gone."""
        try:
            found: Document = self._client.describe_compute_quota(ComputeQuotaId=identity)
        except ClientError as error:
            if code(error) in GONE:
                return None
            raise
        return None if found["Status"] == "Deleted" else found

    def _take_up(self, request: Document, owner: str, conflict: ClientError) -> str | None:
        """Bring the quota that stands in the way to what is asked, when this owner has made it; None once there is
        room for a new one."""
        for row in in_the_way(self._client, request):
            identity = str(row["ComputeQuotaId"])
            if is_owned(self._client, row, owner):
                found = self._settled(identity)
                if found is not None and found["Status"] in READY:
                    with contextlib.suppress(Gone):
                        return self.change(identity, request)
                # What an earlier try left behind unfinished.
                self.remove(identity)
            elif row["Status"] != "Deleting" and self.describe(identity) is not None:
                message = conflict.response["Error"].get("Message", "")
                raise Failed(f"{request['Name']}: the cluster has a quota that this stack did not make, and leaves "
                             f"alone ({message}). Delete it, or choose another team.") from conflict  # fmt: skip
        return None

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
            except (ClientError, BotoCoreError) as error:
                if isinstance(error, ClientError) and code(error) in GONE:
                    return
                if pause is not None:
                    self._sleep(pause)
                    continue
                # CloudFormation asks to delete it, and then it is found by its tag.
                print(f"quota {identity} was left behind: {error}")  # noqa: T201
            return
