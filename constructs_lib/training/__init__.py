"""Pipelines that train: typed steps, capacity, checkpoints, code, roles."""

from constructs_lib.training.capacity import OnDemandCapacity, SpotCapacity, WarmPool
from constructs_lib.training.checkpoint import DirectCheckpoint, SyncedCheckpoint
from constructs_lib.training.code import CodeBundle, Program
from constructs_lib.training.expressions import EXECUTION_ID, Get, Join, JsonGet, Parameter
from constructs_lib.training.image import DeepLearningImage
from constructs_lib.training.location import Location, StepOutput
from constructs_lib.training.pipeline import TrainingPipeline
from constructs_lib.training.resources import ProcessingResources, TrainingResources
from constructs_lib.training.retry import RetryPolicy

__all__ = [
    "EXECUTION_ID",
    "CodeBundle",
    "DeepLearningImage",
    "DirectCheckpoint",
    "Get",
    "Join",
    "JsonGet",
    "Location",
    "OnDemandCapacity",
    "Parameter",
    "ProcessingResources",
    "Program",
    "RetryPolicy",
    "SpotCapacity",
    "StepOutput",
    "SyncedCheckpoint",
    "TrainingPipeline",
    "TrainingResources",
    "WarmPool",
]
