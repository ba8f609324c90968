"""The operation that renews the software of a cluster's nodes."""

from typing import Any

from trainyard.local.api.errors import invalid
from trainyard.local.api.service import Answer, Caller, Request, operation
from trainyard.local.clusters.documents import name_of
from trainyard.local.clusters.refusals import SOFTWARE
from trainyard.local.clusters.shared import Shared
from trainyard.local.clusters.software_plan import plan
from trainyard.local.clusters.update_rules import check_deployment
from trainyard.local.jobs.refusals import refuse


class SoftwareOperations(Shared):
    """UpdateClusterSoftware."""

    @operation("UpdateClusterSoftware")
    def update_software(self, request: Request, _: Caller) -> Answer:
        """Gives every node of the groups a new machine, batch by batch; its lifecycle runs again."""
        refuse(request, SOFTWARE)
        cluster = self._find(request["ClusterName"])
        names = [name_of(group) for group in cluster["Groups"]]
        for index, row in enumerate(request.get("InstanceGroups", [])):
            if row["InstanceGroupName"] not in names:
                raise invalid(
                    f"InstanceGroups[{index}].InstanceGroupName: got {row['InstanceGroupName']!r}, but there is "
                    f"{', '.join(names)}."
                )
        how = request.get("DeploymentConfig", {})
        check_deployment("DeploymentConfig", how, cluster["Settings"], self._context.platform)
        roster = self._roster(cluster)

        def change(document: dict[str, Any]) -> None:
            self._require_settled(document)
            plan(request, roster.nodes(document))(document)

        roster.edit(change)
        self._wake(cluster)
        return {"ClusterArn": cluster["ClusterArn"]}
