"""Compute quotas: what a team has of a cluster."""

from collections.abc import Mapping
from typing import Any

from trainyard.local.api.service import Answer, Caller, Context, Request, operation
from trainyard.local.api.store import Document
from trainyard.local.governance.clusters import instances_of
from trainyard.local.governance.versioned import Versioned, conflict

_CONTENT = ("Description", "ComputeQuotaConfig", "ComputeQuotaTarget", "ActivationState")
SETTLE_SECONDS = 0.4


class ComputeQuotas(Versioned):
    """The family of compute quotas."""

    def __init__(self, context: Context, settle_seconds: float = SETTLE_SECONDS) -> None:
        """Takes what the families share, and how long a change is under way."""
        super().__init__(context, noun="ComputeQuota", kind="compute-quota", settle_seconds=settle_seconds)

    @operation("CreateComputeQuota")
    def create_quota(self, request: Request, _: Caller) -> Answer:
        """Begins to make a quota."""
        return self.create(request, {"ActivationState": "Enabled", **_content(request)})

    @operation("DescribeComputeQuota")
    def describe_quota(self, request: Request, _: Caller) -> Answer:
        """A quota."""
        return self.describe(request)

    @operation("UpdateComputeQuota")
    def update_quota(self, request: Request, _: Caller) -> Answer:
        """Begins to change a quota."""
        return self.update(request, _content(request))

    @operation("DeleteComputeQuota")
    def delete_quota(self, request: Request, _: Caller) -> Answer:
        """Begins to delete a quota."""
        return self.delete(request)

    @operation("ListComputeQuotas")
    def list_quotas(self, request: Request, _: Caller) -> Answer:
        """Quotas."""
        return self.page(request)

    def refuse_beside(self, other: Document, content: Mapping[str, Any]) -> None:
        team = content["ComputeQuotaTarget"]["TeamName"]
        if other["Versions"][-1]["Content"]["ComputeQuotaTarget"]["TeamName"] == team:
            raise conflict(f"ComputeQuotaTarget.TeamName: {team!r} has the quota {other['Name']!r} in this cluster.")

    def failure(self, cluster: str, content: Mapping[str, Any], /) -> str | None:
        there = instances_of(self._context, cluster)
        if there is None:
            return None
        for row in content["ComputeQuotaConfig"].get("ComputeQuotaResources", []):
            name, count = row["InstanceType"], row.get("Count", 0)
            if count > there.get(name, 0) or name not in there:
                has = ", ".join(f"{number} × {kind}" for kind, number in sorted(there.items())) or "nothing"
                return f"ComputeQuotaResources: {count or 'a part'} of {name}, but the cluster has {has}"
        return None


def _content(request: Request) -> dict[str, Any]:
    return {name: request[name] for name in _CONTENT if name in request}
