"""Groups of rules that are ready: nodes, runs, Slurm, Kueue. Each alert is a sign of one of operation's symptoms."""

from __future__ import annotations

from constructs_lib.observability.alerts import AlertRule, RecordingRule, RuleGroup
from ml_contract.metrics import CHECKPOINT_AGE as AGE
from ml_contract.metrics import CHECKPOINTS_QUARANTINED, GOODPUT
from ml_contract.prometheus import name_of
from ml_contract.symptoms import (
    CHECKPOINT_AGE,
    CHECKPOINT_CORRUPT,
    DISK_FULL,
    GOODPUT_LOW,
    NODE_LOST,
    SCHEDULER_SILENT,
    TRAINING_STUCK,
    WORK_WAITS,
)

HARDWARE = RuleGroup(
    name="hardware",
    alerts=(
        AlertRule(
            alert="GpuRowsNotRemapped", expr="DCGM_FI_DEV_ROW_REMAP_FAILURE{} > 0", held="1m", symptom=NODE_LOST,
            summary="GPU {{ $labels.gpu }} of {{ $labels.node }} has a memory row that could not be remapped: "
                    "replace the node",
        ),
        AlertRule(
            alert="GpuXid", held="1m", symptom=NODE_LOST,
            # What is told is the value of the first.
            expr="DCGM_FI_DEV_XID_ERRORS{} > 0 and changes(DCGM_FI_DEV_XID_ERRORS{}[10m]) > 0",
            summary="GPU {{ $labels.gpu }} of {{ $labels.node }} reported XID {{ $value }}",
        ),
        AlertRule(
            alert="EfaDrops", expr="rate(node_amazonefa_rx_drops{}[5m]) > 0", held="10m", symptom=NODE_LOST,
            summary="{{ $labels.device }} of {{ $labels.node }} drops packets",
        ),
        AlertRule(
            alert="NodeSilent", expr='up{job="node"} == 0', held="5m", symptom=NODE_LOST,
            summary="{{ $labels.node }} gives no figures",
        ),
        AlertRule(
            alert="DiskFull", held="10m", symptom=DISK_FULL,
            expr="node_filesystem_avail_bytes{} / node_filesystem_size_bytes{} < 0.05",
            summary="{{ $labels.mountpoint }} of {{ $labels.node }} has less than 5 % left",
        ),
    ),
)  # fmt: skip
"""What is wrong whatever runs."""


def training(*, silent_minutes: int, checkpoint_minutes: int) -> RuleGroup:
    """What is promised of runs on clusters, as ``constructs_lib.operation.PipelineAlarms`` promises it of jobs.

    Args:
        silent_minutes: Longest time without a step while a run has nodes; it includes the start, with its downloads,
            its compilation and its restore.
        checkpoint_minutes: Most work that a loss of all nodes may cost.
    """
    return RuleGroup(
        name="training",
        alerts=(
            AlertRule(
                # A run that stands still goes on showing its last figures. After it has moved to other nodes its file
                # may lie on one that it left: the newest one counts.
                alert="TrainingStandsStill", held="1m", symptom=TRAINING_STUCK,
                expr='time() - max by (cluster, file) (node_textfile_mtime_seconds{file=~".*/trainyard-.*"}) '
                     f"> {silent_minutes * 60}",
                summary="{{ $labels.file }} of {{ $labels.cluster }} is {{ $value | humanizeDuration }} old: its run "
                        "makes no step",
            ),
            AlertRule(
                alert="CheckpointOld", held="1m", symptom=CHECKPOINT_AGE,
                expr=f"max by (cluster, run) ({name_of(AGE)}{{}}) > {checkpoint_minutes * 60}",
                summary="{{ $labels.run }} of {{ $labels.cluster }} would lose {{ $value | humanizeDuration }} of work",
            ),
            AlertRule(
                # Counted from each start on: the newest restore is the first that a run does.
                alert="CheckpointCorrupt", held="1m", symptom=CHECKPOINT_CORRUPT,
                expr=f"max by (cluster, run) ({name_of(CHECKPOINTS_QUARANTINED)}{{}}) > 0",
                summary="Commits of {{ $labels.run }} of {{ $labels.cluster }} that did not verify and were put "
                        "aside: {{ $value }}",
            ),
        ),
    )  # fmt: skip


def goodput(*, least: float, held: str) -> RuleGroup:
    """An alert for runs that lose too much of their time.

    Args:
        least: Share of the time since the first start that must have made steps which were kept, 0 to 1.
        held: How long a run may be below it, for example ``30m``.
    """
    return RuleGroup(
        name="goodput",
        alerts=(
            AlertRule(
                alert="GoodputLow", expr=f"{name_of(GOODPUT)}{{}} < {least:g}", held=held, symptom=GOODPUT_LOW,
                summary="{{ $labels.run }} makes use of only {{ $value | humanizePercentage }} of its time",
            ),
        ),
    )  # fmt: skip


SLURM = RuleGroup(
    name="slurm",
    alerts=(
        AlertRule(
            alert="SlurmNodesDown", held="15m", symptom=NODE_LOST,
            expr="sum by (cluster) (slurm_nodes_down{}) + sum by (cluster) (slurm_nodes_drain{}) "
                 "+ sum by (cluster) (slurm_nodes_fail{}) > 0",
            summary="{{ $value }} nodes of {{ $labels.cluster }} take no work",
        ),
        AlertRule(
            # The file stays as it was while Slurm's commands fail.
            alert="SlurmSilent", expr='time() - node_textfile_mtime_seconds{file=~".*/slurm.prom"} > 180',
            held="2m", symptom=SCHEDULER_SILENT, summary="Slurm of {{ $labels.cluster }} gives no figures",
        ),
        AlertRule(
            alert="WorkWaitsWhileNodesIdle", held="30m", symptom=WORK_WAITS,
            expr="sum by (cluster) (slurm_nodes_idle{}) > 0 and sum by (cluster) (slurm_queue_pending{}) > 0",
            summary="Jobs of {{ $labels.cluster }} wait while {{ $value }} nodes are idle",
        ),
    ),
)  # fmt: skip
"""What is wrong with Slurm, and with its nodes as it sees them."""
KUEUE = RuleGroup(
    name="kueue",
    recording=(
        RecordingRule(
            record="cluster_queue:admission_wait_seconds:p95",
            expr="histogram_quantile(0.95, sum by (cluster, cluster_queue, le) "
                 "(rate(kueue_admission_wait_time_seconds_bucket{}[15m])))",
        ),
    ),
    alerts=(
        AlertRule(
            alert="TeamWaits", expr="cluster_queue:admission_wait_seconds:p95{} > 3600", held="30m",
            symptom=WORK_WAITS, summary="Tasks of {{ $labels.cluster_queue }} wait for more than an hour",
        ),
    ),
)  # fmt: skip
"""What is wrong with the queues of a cluster on EKS."""
