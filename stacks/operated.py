"""What an environment says of how it is run."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from pydantic import Field, SerializeAsAny

from constructs_lib.operation import Channel, ClusterAlarms, EndpointAlarms, FileAlarms, PipelineAlarms, SupplyAlarms
from constructs_lib.retention import LogDays
from constructs_lib.values import Value
from ml_contract.errors import reject


class Operation(Value):
    """Who is told what of an environment. Whatever runs in it is watched: nothing is left out by being forgotten."""

    log_days: LogDays
    """Days that the log of the events which alarms count is kept."""
    pipelines: tuple[PipelineAlarms, ...]
    """What is promised of each of the environment's pipelines."""
    endpoints: tuple[EndpointAlarms, ...]
    """What is promised of each of its endpoints."""
    supplies: SupplyAlarms
    """What is expected of buckets, keys and images."""
    clusters: ClusterAlarms | None = None
    """What is expected of its clusters; None where there are none."""
    files: FileAlarms | None = None
    """What is promised of its file systems; None where there are none."""
    chat: tuple[SerializeAsAny[Channel], ...] = ()
    """Channels that hear of it; none by default."""
    runbooks: str = Field(default="docs/runbooks", pattern=r"^\S*[^\s/]$")
    """Where runbooks lie, for what people are told: a folder of this repository by default, or an address."""

    def check(
        self,
        spot: Mapping[str, bool],
        endpoints: Sequence[str],
        clusters: Sequence[str],
        files: Mapping[str, bool],
    ) -> None:
        """Hold it against what the environment has.

        Args:
            spot: By workload, whether its hosts may be taken away.
            endpoints: Names of its endpoints.
            clusters: Names of its clusters.
            files: By file system, whether it mirrors S3.

        Raises:
            ContractError: Something is watched twice, or not at all, or is not there.
        """
        _each_once("operation.pipelines", [name for one in self.pipelines for name in one.workloads], spot)
        _each_once("operation.endpoints", [name for one in self.endpoints for name in one.endpoints], endpoints)
        for one in self.pipelines:
            for workload in one.workloads:
                if spot[workload] != (one.interruptions is not None):
                    reject("operation.pipelines.interruptions", one.interruptions,
                           f"{workload} {'runs' if spot[workload] else 'does not run'} on spot capacity",
                           "Give SpotRate(…) to pipelines on spot capacity, and None to others.")  # fmt: skip
        if bool(clusters) != (self.clusters is not None):
            reject("operation.clusters", self.clusters, f"the environment has {len(clusters)} clusters",
                   "Give ClusterAlarms(…) where there are clusters, and leave it out elsewhere.")  # fmt: skip
        if bool(files) != (self.files is not None):
            reject("operation.files", self.files, f"the environment has {len(files)} file systems",
                   "Give FileAlarms(…) where there are file systems, and leave it out elsewhere.")  # fmt: skip
        mirrors = [name for name, mirrored in files.items() if mirrored]
        if self.files is not None and bool(mirrors) != (self.files.mirror is not None):
            reject("operation.files.mirror", self.files.mirror, f"S3 is mirrored by {', '.join(mirrors) or 'none'}",
                   "Give MirrorAlarms(…) where a file system mirrors S3, and None elsewhere.")  # fmt: skip


def _each_once(field: str, named: Sequence[str], there: Collection[str]) -> None:
    twice = sorted({name for name in named if named.count(name) > 1})
    if twice:
        reject(field, twice[0], "each is watched once", "Name it in one of the two.")
    unknown = sorted(set(named) - set(there))
    if unknown:
        reject(field, unknown[0], f"the environment has {', '.join(sorted(there)) or 'none'}", "Leave it out.")
    forgotten = sorted(set(there) - set(named))
    if forgotten:
        reject(field, list(named), f"nobody is told of {', '.join(forgotten)}", "Say what is promised of it.")
