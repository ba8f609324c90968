"""What is measured, by the names of who measures it: the only metrics that dashboards and alerts may use.

Sources, read 2026-11-22: node_exporter 1.9, collectors cpu, meminfo, filesystem, netdev, loadavg and textfile
(prometheus/node_exporter); dcgm-exporter with the fields of ``cluster_code/lifecycle/files/counters.csv``, by the names
of its etc/default-counters.csv and etc/dcp-metrics-included.csv (NVIDIA/dcgm-exporter); EFA, "Monitor an Elastic Fabric
Adapter on Amazon EC2" (counters of hw_counters) by the names of AWS's own exporter ("Amazon SageMaker HyperPod cluster
resources monitoring", SageMaker AI Developer Guide); Slurm, README of SckyzO/slurm_exporter, and
how long the oldest job waits, which it has not; Kueue, "Prometheus
Metrics" (kueue.sigs.k8s.io), whose figures of resources need ``metrics.enableClusterQueueResources``. What training
reports is this project's own: ``ml_contract.prometheus``. EFA, Slurm and training write files for node_exporter.
"""

from __future__ import annotations

from dataclasses import dataclass

from ml_contract.clusters.exporters import PORTS
from ml_contract.clusters.nodes import NODE_TYPES, NodeType
from ml_contract.metrics import INTERRUPTED_STEP, METRICS
from ml_contract.prometheus import STEP, name_of


@dataclass(frozen=True, kw_only=True)
class Unused:
    """Series of a metric that no page and no rule looks at. Each sample that is sent is paid for."""

    metrics: tuple[str, ...]
    """Their metrics."""
    label: str
    """What tells them from those that are used."""
    values: str
    """Values of the label, an expression of RE2 that must match a whole one."""


@dataclass(frozen=True, kw_only=True)
class Exporter:
    """One program whose metrics are scraped."""

    name: str
    """Name, also of its scrape job where it has a port of its own."""
    port: int
    """TCP port on which it, or who serves its file, listens."""
    metrics: frozenset[str]
    """Names of its metrics that are used here, those of a histogram with their endings."""
    unused: tuple[Unused, ...] = ()
    """Series of them that nobody looks at; none by default."""
    nodes: tuple[NodeType, ...] = ("compute",)
    """Nodes of Slurm that have them."""


NODE = Exporter(
    name="node",
    port=PORTS["node"],
    nodes=NODE_TYPES,
    metrics=frozenset(
        {
            "node_cpu_seconds_total",
            "node_memory_MemAvailable_bytes",
            "node_memory_MemTotal_bytes",
            "node_filesystem_avail_bytes",
            "node_filesystem_size_bytes",
            "node_network_receive_bytes_total",
            "node_network_transmit_bytes_total",
            "node_load1",
            "node_textfile_mtime_seconds",
        }
    ),
    unused=(
        # Eight series a processor, of which one is looked at.
        Unused(metrics=("node_cpu_seconds_total",), label="mode", values="user|nice|system|iowait|irq|softirq|steal"),
        Unused(
            metrics=("node_filesystem_avail_bytes", "node_filesystem_size_bytes"),
            label="fstype",
            values="tmpfs|ramfs|overlay",
        ),
        Unused(
            metrics=("node_network_receive_bytes_total", "node_network_transmit_bytes_total"),
            label="device",
            values="lo|docker.*|br-.*|veth.*|eni.*|cni.*",
        ),
        Unused(metrics=("node_textfile_mtime_seconds",), label="file", values=".*/efa[.]prom"),
    ),
)
GPU = Exporter(
    name="dcgm",
    port=PORTS["dcgm"],
    metrics=frozenset(
        {
            "DCGM_FI_DEV_GPU_UTIL",
            "DCGM_FI_DEV_FB_USED",
            "DCGM_FI_DEV_FB_FREE",
            "DCGM_FI_DEV_GPU_TEMP",
            "DCGM_FI_DEV_POWER_USAGE",
            "DCGM_FI_DEV_XID_ERRORS",
            "DCGM_FI_DEV_UNCORRECTABLE_REMAPPED_ROWS",
            "DCGM_FI_DEV_ROW_REMAP_FAILURE",
            "DCGM_FI_DEV_NVLINK_BANDWIDTH_TOTAL",
            "DCGM_FI_DEV_PCIE_REPLAY_COUNTER",
            "DCGM_FI_DEV_POWER_VIOLATION",
            "DCGM_FI_DEV_THERMAL_VIOLATION",
            "DCGM_FI_PROF_PIPE_TENSOR_ACTIVE",
            "DCGM_FI_PROF_DRAM_ACTIVE",
        }
    ),
)
EFA = Exporter(
    name="efa",
    port=NODE.port,
    metrics=frozenset(
        {
            "node_amazonefa_rx_bytes",
            "node_amazonefa_tx_bytes",
            "node_amazonefa_rdma_read_bytes",
            "node_amazonefa_rdma_write_bytes",
            "node_amazonefa_rx_drops",
            "node_amazonefa_rdma_read_wr_err",
            "node_amazonefa_rdma_write_wr_err",
            "node_amazonefa_retrans_timeout_events",
            "node_amazonefa_impaired_remote_conn_events",
            "node_amazonefa_unresponsive_remote_events",
        }
    ),
)
SLURM = Exporter(
    name="slurm",
    port=NODE.port,
    nodes=("controller",),
    metrics=frozenset(
        {
            "slurm_nodes_alloc",
            "slurm_nodes_mix",
            "slurm_nodes_idle",
            "slurm_nodes_down",
            "slurm_nodes_drain",
            "slurm_nodes_fail",
            "slurm_queue_oldest_seconds",
            "slurm_queue_pending",
            "slurm_queue_running",
            "slurm_gpus_alloc",
            "slurm_gpus_total",
            "slurm_partition_cpus_allocated",
            "slurm_partition_cpus_total",
            "slurm_scheduler_queue_size",
            "slurm_scheduler_mean_cycle",
        }
    ),
)
KUEUE = Exporter(
    name="kueue",
    port=8443,
    metrics=frozenset(
        {
            "kueue_pending_workloads",
            "kueue_admitted_active_workloads",
            "kueue_admission_wait_time_seconds_bucket",
            "kueue_evicted_workloads_total",
            "kueue_cluster_queue_resource_usage",
            "kueue_cluster_queue_nominal_quota",
            "kueue_cluster_queue_weighted_share",
        }
    ),
)
TRAINING = Exporter(
    name="training",
    port=NODE.port,
    # A run that was interrupted writes nothing more.
    metrics=frozenset(name_of(metric) for metric in METRICS if metric is not INTERRUPTED_STEP) | {STEP},
)
EXPORTERS = (NODE, GPU, EFA, SLURM, KUEUE, TRAINING)
KNOWN = frozenset({"up"}).union(*(exporter.metrics for exporter in EXPORTERS))
"""Every metric that there is."""
