"""A program on a node of a cluster: an operation of the embedded cloud alone.

On AWS the way to a node is a session of Systems Manager; this stands for `aws ssm start-session` with the document
AWS-StartNonInteractiveCommand.
"""

from typing import Any

from trainyard.local.api.errors import invalid
from trainyard.local.api.operations import Answer, Caller, Request, operation
from trainyard.local.clusters.documents import Roster
from trainyard.local.clusters.health_checks import names_of
from trainyard.local.clusters.machines import MachineError, Overtime
from trainyard.local.clusters.operations import Clusters
from trainyard.local.clusters.slots import slot_of

_SECONDS = 60.0


class NodeCommands:
    """RunNodeCommand."""

    def __init__(self, clusters: Clusters) -> None:
        """Takes the family that has the nodes."""
        self._clusters = clusters

    @operation("RunNodeCommand")
    def run(self, request: Request, _: Caller) -> Answer:
        """Runs a program as root on one node, which may be named by instance, logical id, address or group."""
        name, wanted = request["ClusterName"], request["Node"]
        keeper = self._clusters.keeper(name)
        if keeper is None:
            raise invalid(f"ClusterName: got {name!r}, but there is no such cluster.")
        cluster, node = self._find(keeper.roster, wanted)
        seconds = request.get("TimeoutSeconds", _SECONDS)
        try:
            code, output = keeper.fleet.site().execute(slot_of(cluster, node), request["Command"], seconds)
        except (MachineError, Overtime) as error:
            raise invalid(f"Node: got {wanted!r}, but {error}.") from error
        return {"NodeId": node["InstanceId"], "ExitCode": code, "Output": output}

    @staticmethod
    def _find(roster: Roster, wanted: str) -> tuple[dict[str, Any], dict[str, Any]]:
        cluster = roster.cluster()
        nodes = roster.nodes(cluster) if cluster else []
        found = [node for node in nodes if wanted in names_of(node) and node["Status"] == "Running"]
        if cluster is None or not found:
            raise invalid(f"Node: got {wanted!r}, but the cluster has no such node that runs.")
        return cluster, found[0]
