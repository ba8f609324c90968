"""What is learned: one folder a workload, chosen by name."""

from training_code.workloads.base import Samples, Trained, Workload, load

__all__ = ["Samples", "Trained", "Workload", "load"]
