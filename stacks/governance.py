"""Who may use how much of one cluster."""

from __future__ import annotations

from constructs import Construct

from constructs_lib.governance import GovernanceSettings, TaskGovernance
from constructs_lib.hyperpod import HyperPodCluster
from stacks.base import EnvironmentStack
from stacks.environment import Environment
from stacks.watched import Watch


class GovernanceStack(EnvironmentStack):
    """Policy and quotas, after the cluster and the add-on that keeps them."""

    def __init__(
        self,
        scope: Construct,
        *,
        environment: Environment,
        name: str,
        cluster: HyperPodCluster,
        settings: GovernanceSettings,
        watch: Watch,
    ) -> None:
        super().__init__(scope, f"Governance-{name}", environment=environment)
        TaskGovernance(self, "Governance", cluster_arn=cluster.arn, groups=cluster.settings.groups, settings=settings,
                       topic=watch.topic, key=watch.key, log_days=watch.settings.log_days)  # fmt: skip
