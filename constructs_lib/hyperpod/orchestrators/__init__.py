"""What gives work to a cluster's instances."""

from constructs_lib.hyperpod.orchestrators.base import ClusterBinding, Orchestrator, OrchestratorConfig
from constructs_lib.hyperpod.orchestrators.eks import Eks
from constructs_lib.hyperpod.orchestrators.scripts import NodeScripts
from constructs_lib.hyperpod.orchestrators.slurm import ByApi, ByFile, Slurm

__all__ = ["ByApi", "ByFile", "ClusterBinding", "Eks", "NodeScripts", "Orchestrator", "OrchestratorConfig", "Slurm"]
