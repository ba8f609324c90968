"""Pages of the work: who waits for what, and what training makes of it."""

from __future__ import annotations

from constructs_lib.observability.dashboards.panels import Dashboard, Panel, Query, Threshold
from ml_contract import metrics
from ml_contract.prometheus import STEP, name_of

_C = 'cluster="$cluster"'
_R = "[$__rate_interval]"
_RUN = "{{run}}"


def _figure(metric: metrics.Metric) -> Query:
    """One figure that a run reports, as a curve each run."""
    return Query(expr=f"max by (run) ({name_of(metric)}{{{_C}}})", legend=_RUN)


SLURM = Dashboard(
    uid="trainyard-slurm",
    title="Slurm",
    panels=(
        Panel(title="Nodes by state", unit="none",
              queries=tuple(
                  Query(expr=f"sum(slurm_nodes_{state}{{{_C}}})", legend=state)
                  for state in ("alloc", "mix", "idle", "drain", "down", "fail")
              )),
        Panel(title="Jobs waiting, by reason", unit="none",
              queries=(Query(expr=f"sum by (partition, reason) (slurm_queue_pending{{{_C}}})",
                             legend="{{partition}} {{reason}}"),)),
        Panel(title="Longest wait for nodes", unit="s",
              description="Of jobs that would run if there were more nodes; not of those held, or after another job.",
              queries=(Query(expr=f"max by (partition) (slurm_queue_oldest_seconds{{{_C}}})",
                             legend="{{partition}}"),)),
        Panel(title="Jobs running", unit="none",
              queries=(Query(expr=f"sum by (partition) (slurm_queue_running{{{_C}}})", legend="{{partition}}"),)),
        Panel(title="Processors allocated", unit="percentunit",
              queries=(Query(expr=f"slurm_partition_cpus_allocated{{{_C}}} / slurm_partition_cpus_total{{{_C}}}",
                             legend="{{partition}}"),)),
        Panel(title="GPUs allocated", unit="percentunit", kind="stat", width=6, height=5,
              queries=(Query(expr=f"slurm_gpus_alloc{{{_C}}} / slurm_gpus_total{{{_C}}}", legend="allocated"),)),
        Panel(title="Scheduler", unit="short", width=18, height=5,
              description="Length of slurmctld's queue of messages, and microseconds of one scheduling cycle.",
              queries=(
                  Query(expr=f"slurm_scheduler_queue_size{{{_C}}}", legend="queue"),
                  Query(expr=f"slurm_scheduler_mean_cycle{{{_C}}}", legend="cycle"),
              )),
    ),
)  # fmt: skip

KUEUE = Dashboard(
    uid="trainyard-kueue",
    title="Teams and their queues",
    panels=(
        Panel(title="Tasks waiting", unit="none",
              queries=(Query(expr=f"sum by (cluster_queue, status) (kueue_pending_workloads{{{_C}}})",
                             legend="{{cluster_queue}} {{status}}"),)),
        Panel(title="Tasks running", unit="none",
              queries=(Query(expr=f"sum by (cluster_queue) (kueue_admitted_active_workloads{{{_C}}})",
                             legend="{{cluster_queue}}"),)),
        Panel(title="Quota in use", unit="percentunit",
              description="Above 100 %: the team borrows what others leave idle.",
              thresholds=(Threshold(value=1, color="yellow"),),
              queries=(Query(expr=f"sum by (cluster_queue, resource) (kueue_cluster_queue_resource_usage{{{_C}}}) / "
                                  f"sum by (cluster_queue, resource) (kueue_cluster_queue_nominal_quota{{{_C}}})",
                             legend="{{cluster_queue}} {{resource}}"),)),
        Panel(title="Share by weight", unit="short",
              description="The larger, the later the team borrows again.",
              queries=(Query(expr=f"kueue_cluster_queue_weighted_share{{{_C}}}", legend="{{cluster_queue}}"),)),
        Panel(title="Wait for admission, 95 of 100", unit="s",
              queries=(Query(expr=f"histogram_quantile(0.95, sum by (cluster_queue, le) "
                                  f"(rate(kueue_admission_wait_time_seconds_bucket{{{_C}}}{_R})))",
                             legend="{{cluster_queue}}"),)),
        Panel(title="Tasks evicted", unit="none",
              queries=(Query(expr=f"sum by (cluster_queue, reason) "
                                  f"(increase(kueue_evicted_workloads_total{{{_C}}}{_R}))",
                             legend="{{cluster_queue}} {{reason}}"),)),
    ),
)  # fmt: skip

TRAINING = Dashboard(
    uid="trainyard-training",
    title="Training",
    panels=(
        Panel(title="Goodput", unit="percentunit", kind="stat", width=6, height=5,
              description="Share of the time since a run's first start that made steps which were kept.",
              thresholds=(Threshold(value=0, color="red"), Threshold(value=0.9, color="green")),
              queries=(_figure(metrics.GOODPUT),)),
        Panel(title="Model FLOPs utilisation", unit="percentunit", width=18, height=5, queries=(_figure(metrics.MFU),)),
        Panel(title="Loss", unit="short", queries=(_figure(metrics.LOSS),)),
        Panel(title="Tokens a second", unit="short", queries=(_figure(metrics.TOKENS_PER_SECOND),)),
        Panel(title="Goodput over time", unit="percentunit", queries=(_figure(metrics.GOODPUT),)),
        Panel(title="Steps", unit="none",
              description="Where a curve falls back, a run began again at its last commit.",
              queries=(
                  Query(expr=f"max by (run) ({STEP}{{{_C}}})", legend=_RUN),
                  Query(expr=f"max by (run) ({name_of(metrics.CHECKPOINT_STEP)}{{{_C}}})", legend="{{run}} committed"),
                  Query(expr=f"max by (run) ({name_of(metrics.CHECKPOINT_MEMORY_STEP)}{{{_C}}})",
                        legend="{{run}} in memory"),
                  Query(expr=f"max by (run) ({name_of(metrics.RESTORED_STEP)}{{{_C}}})", legend="{{run}} restored"),
              )),
        Panel(title="Checkpoints: commit and stall", unit="s",
              queries=(
                  Query(expr=f"max by (run) ({name_of(metrics.CHECKPOINT_SECONDS)}{{{_C}}})", legend="{{run}} commit"),
                  Query(expr=f"max by (run) ({name_of(metrics.CHECKPOINT_STALL_SECONDS)}{{{_C}}})",
                        legend="{{run}} stall"),
              )),
        Panel(title="Work that is not durable yet", unit="s", queries=(_figure(metrics.CHECKPOINT_AGE),)),
        Panel(title="Step time", unit="s", queries=(_figure(metrics.STEP_SECONDS),)),
        Panel(title="Gradient norm", unit="short", queries=(_figure(metrics.GRADIENT_NORM),)),
        Panel(title="Learning rate", unit="short", queries=(_figure(metrics.LEARNING_RATE),)),
        Panel(title="Memory of the first rank, GiB", unit="short", queries=(_figure(metrics.MEMORY),)),
        Panel(title="Checkpoints in memory: commit and stall", unit="s",
              description="The tier of the nodes' own memory, where a run has it.",
              queries=(
                  Query(expr=f"max by (run) ({name_of(metrics.CHECKPOINT_MEMORY_SECONDS)}{{{_C}}})",
                        legend="{{run}} commit"),
                  Query(expr=f"max by (run) ({name_of(metrics.CHECKPOINT_MEMORY_STALL_SECONDS)}{{{_C}}})",
                        legend="{{run}} stall"),
              )),
        Panel(title="Step time during a save", unit="short",
              description="By the step time before it: 1 is a save that nobody notices.",
              queries=(_figure(metrics.CHECKPOINT_DIP),)),
        Panel(title="Accuracy", unit="percentunit", description="Of workloads that count it.",
              queries=(_figure(metrics.ACCURACY),)),
        Panel(title="Unevenness of the router", unit="short", description="Of mixtures of experts.",
              queries=(_figure(metrics.ROUTER_UNEVENNESS),)),
        Panel(title="Visual tokens of an image", unit="short", description="Of vision-language models.",
              queries=(_figure(metrics.VISUAL_TOKENS),)),
    ),
)  # fmt: skip
