"""Cluster scheduler configurations: priority classes, and how idle capacity is shared."""

from typing import Any

from trainyard.local.api.errors import invalid
from trainyard.local.api.service import Answer, Caller, Context, Request, operation
from trainyard.local.governance.quotas import SETTLE_SECONDS
from trainyard.local.governance.versioned import Versioned

_CONTENT = ("SchedulerConfig", "Description")


class SchedulerPolicies(Versioned):
    """The family of scheduler configurations."""

    def __init__(self, context: Context, settle_seconds: float = SETTLE_SECONDS) -> None:
        """Takes what the families share, and how long a change is under way."""
        super().__init__(
            context, noun="ClusterSchedulerConfig", kind="cluster-scheduler-config", settle_seconds=settle_seconds
        )

    @operation("CreateClusterSchedulerConfig")
    def create_policy(self, request: Request, _: Caller) -> Answer:
        """Begins to make a policy."""
        return self.create(request, _content(request))

    @operation("DescribeClusterSchedulerConfig")
    def describe_policy(self, request: Request, _: Caller) -> Answer:
        """A policy."""
        return self.describe(request)

    @operation("UpdateClusterSchedulerConfig")
    def update_policy(self, request: Request, _: Caller) -> Answer:
        """Begins to change a policy."""
        return self.update(request, _content(request))

    @operation("DeleteClusterSchedulerConfig")
    def delete_policy(self, request: Request, _: Caller) -> Answer:
        """Begins to delete a policy."""
        return self.delete(request)

    @operation("ListClusterSchedulerConfigs")
    def list_policies(self, request: Request, _: Caller) -> Answer:
        """Policies."""
        return self.page(request)


def _content(request: Request) -> dict[str, Any]:
    names = [row["Name"] for row in request.get("SchedulerConfig", {}).get("PriorityClasses", [])]
    if len(set(names)) < len(names):
        raise invalid(f"SchedulerConfig.PriorityClasses: got {names}, but a name is given once.")
    return {name: request[name] for name in _CONTENT if name in request}
