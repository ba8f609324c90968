"""SageMaker Pipelines: definitions that are checked when they are stored, and executions that really run them."""

from trainyard.local.pipelines.family import Pipelines

__all__ = ["Pipelines"]
