"""What gives work to a cluster's instances."""

from constructs_lib.hyperpod.orchestrators.base import ClusterBinding, Orchestrator, OrchestratorConfig

__all__ = ["ClusterBinding", "Orchestrator", "OrchestratorConfig"]
