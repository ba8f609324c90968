"""How one node is made: a machine, what HyperPod writes into it, its lifecycle scripts, and their log."""

import contextlib
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from ml_contract.clusters.nodes import ClusterInstance, InstanceGroup, ResourceConfig
from ml_contract.clusters.places import RESOURCE_CONFIG, log_group, log_stream
from trainyard.local.api.errors import ServiceError
from trainyard.local.api.service import Context
from trainyard.local.clusters.documents import name_of
from trainyard.local.clusters.machines import Machine, MachineError, Overtime, Site, Slot
from trainyard.local.jobs.logs import Shipper
from trainyard.local.transfer import Location, Transfer, TransferError

SCRIPTS = "/opt/ml/lifecycle"
"""Where the lifecycle scripts lie on a node here, and where they start. AWS names no place for them."""
LIFECYCLE_MINUTES = 60.0
"""Longest that lifecycle scripts may take, in minutes. AWS publishes no number; chosen here."""
_SESSION = "SageMaker"
_NO_SUCH_FILE = 127


class Unmade(Exception):
    """A node did not come into being; the message is what AWS would say of it, and what is known beyond that."""


class Maker:
    """Makes the nodes of one cluster."""

    def __init__(self, context: Context, cluster: Mapping[str, Any], site: Site) -> None:
        """Composes it.

        Args:
            context: what the families share.
            cluster: the cluster's document; only what never changes is read from it.
            site: where the machines stand.
        """
        self._context, self._cluster, self._site = context, cluster, site

    def boot(self, slot: Slot, *, fresh: bool) -> Machine:
        """A machine that is up.

        Raises:
            Unmade: it does not come up.
        """
        try:
            return self._site.boot(slot, fresh=fresh)
        except MachineError as error:
            raise Unmade(f"Instance {slot.instance_id} failed to launch: {error}") from error

    def tell(self, machine: Machine, cluster: Mapping[str, Any], slots: Sequence[Slot]) -> None:
        """Writes resource_config.json: the groups and instances of the cluster."""
        with contextlib.suppress(OSError):  # it has lost its power meanwhile, which is noticed elsewhere
            machine.put({RESOURCE_CONFIG: resource_config(cluster, slots).to_text().encode()})

    def run_lifecycle(
        self,
        machine: Machine,
        node: Mapping[str, Any],
        spec: Mapping[str, Any],
        script: str,
        problem: Callable[[str], None],
    ) -> None:
        """Brings the group's scripts with the group's role and runs one of them to its end.

        Args:
            machine: the node's machine.
            node: the node.
            spec: its group.
            script: OnCreate or OnInitComplete.
            problem: told once what keeps the log from arriving.

        Raises:
            Unmade: the scripts cannot be read, fail, or do not end in time.
        """
        config, role = spec["LifeCycleConfig"], spec["ExecutionRole"]
        platform = self._context.platform
        lines: list[str] = []
        try:
            self._bring(machine, config["SourceS3Uri"], role)
            shipper = Shipper(
                platform.role_client("logs", role, _SESSION), None, self._log_group(), [_stream(node)],
                self._cluster["ClusterName"], problem,
            )  # fmt: skip
        except (TransferError, ServiceError, OSError) as error:
            raise Unmade(self._failure(node, f"{error}")) from error

        def line(text: str) -> None:
            if text.strip():
                lines[:] = [text.strip()[:300]]
            shipper.line(0, text, time.time())

        seconds = LIFECYCLE_MINUTES * self._context.minute_seconds
        name = config[script]
        with contextlib.closing(shipper):
            shipper.line(0, f"[the embedded cloud runs {script} {name} of {config['SourceS3Uri']}]", time.time())
            try:
                code = machine.run(["bash", "-c", _ENTRY, "lifecycle", SCRIPTS, name], seconds, line)
                said = f"exit code {code}"
            except Overtime:
                code, said = -1, f"no end within {seconds:g} s: ended"
            except (MachineError, OSError) as error:
                code, said = -1, f"the node went down meanwhile: {error}"
            shipper.line(0, f"[{script} {name}: {said}]", time.time())
        if code:
            last = f"; its log ends with {lines[0]!r}" if lines else ""
            missing = " (no such script under SourceS3Uri)" if code == _NO_SUCH_FILE and not lines else ""
            raise Unmade(self._failure(node, f"{script} {name}: {said}{missing}{last}"))

    def _bring(self, machine: Machine, uri: str, role: str) -> None:
        client = self._context.platform.role_client("s3", role, _SESSION)
        with tempfile.TemporaryDirectory(prefix="trainyard-lifecycle-") as folder:
            Transfer(client, role).download(Location.parse(uri).folder(), [Path(folder)])
            machine.place(Path(folder), SCRIPTS)

    def _failure(self, node: Mapping[str, Any], detail: str) -> str:
        return (
            f'Instance {node["InstanceId"]} failed to provision with the following error: "Lifecycle scripts did not '
            "run successfully. Ensure the scripts exist in provided S3 path, are accessible, and run without errors. "
            'Please see CloudWatch logs for lifecycle script execution details." Note that multiple instances may be '
            f"impacted. [group {node['InstanceGroupName']}, log group {self._log_group()}, log stream "
            f"{_stream(node)}: {detail}]"
        )

    def _log_group(self) -> str:
        return log_group(self._cluster["ClusterName"], self._cluster["ClusterId"])


def resource_config(cluster: Mapping[str, Any], slots: Sequence[Slot]) -> ResourceConfig:
    """What HyperPod tells a node of its cluster."""
    return ResourceConfig(
        cluster_name=cluster["ClusterName"],
        cluster_arn=cluster["ClusterArn"],
        groups=tuple(_group(group, [slot for slot in slots if slot.group == name_of(group)])
                     for group in cluster["Groups"]),
    )  # fmt: skip


def _group(group: Mapping[str, Any], slots: Sequence[Slot]) -> InstanceGroup:
    spec = group["Spec"]
    return InstanceGroup(
        name=name_of(group),
        instance_type=spec.get("InstanceType") or spec["InstanceRequirements"]["InstanceTypes"][0],
        instances=tuple(
            ClusterInstance(
                name=f"{slot.group}-{index}",
                instance_id=slot.instance_id,
                address=slot.address,
                agent_address=slot.address,
            )
            for index, slot in enumerate(slots, 1)
        ),
    )


def _stream(node: Mapping[str, Any]) -> str:
    return log_stream(node["InstanceGroupName"], node["InstanceId"])


# A prefix of S3 has no file modes: scripts become executable, and what has no first line of its own is one for bash.
_ENTRY = """
cd "$1" || exit 126
[ -f "$2" ] || exit 127
chmod -R u+rwX,go+rX . && find . -name '*.sh' -exec chmod +x {} +
chmod +x "$2"
case "$2" in */*) exec "$PWD/$2" ;; *) exec "./$2" ;; esac
"""
