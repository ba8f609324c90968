"""Pipelines that train: typed steps, hosts, capacity, channels, checkpoints, code, roles."""

from constructs_lib.training.capacity import Capacity, OnDemandCapacity, SpotCapacity, TrainingPlan, WarmPool
from constructs_lib.training.checkpoint import DirectCheckpoint, SyncedCheckpoint
from constructs_lib.training.code import CodeBundle, Program
from constructs_lib.training.debugging import Collection, Debugger, EvaluationRule, Profiler
from constructs_lib.training.expressions import EXECUTION_ARN, EXECUTION_ID, Get, Join, JsonGet, Parameter
from constructs_lib.training.image import ContainerImage, DeepLearningImage, EcrImage
from constructs_lib.training.instance_groups import HeterogeneousResources, InstanceGroup
from constructs_lib.training.instance_preferences import InstancePreference, PreferredResources
from constructs_lib.training.location import Location, StepOutput
from constructs_lib.training.mlflow_app import MlflowApp, MlflowSettings
from constructs_lib.training.pipeline import TrainingPipeline
from constructs_lib.training.resources import JobResources, ProcessingResources, TrainingResources
from constructs_lib.training.retry import RetryPolicy
from constructs_lib.training.tracking import MlflowTracking, TensorBoardOutput

__all__ = [
    "EXECUTION_ARN",
    "EXECUTION_ID",
    "Capacity",
    "CodeBundle",
    "Collection",
    "ContainerImage",
    "Debugger",
    "DeepLearningImage",
    "DirectCheckpoint",
    "EcrImage",
    "EvaluationRule",
    "Get",
    "HeterogeneousResources",
    "InstanceGroup",
    "InstancePreference",
    "JobResources",
    "Join",
    "JsonGet",
    "Location",
    "MlflowApp",
    "MlflowSettings",
    "MlflowTracking",
    "OnDemandCapacity",
    "Parameter",
    "PreferredResources",
    "ProcessingResources",
    "Profiler",
    "Program",
    "RetryPolicy",
    "SpotCapacity",
    "StepOutput",
    "SyncedCheckpoint",
    "TensorBoardOutput",
    "TrainingPipeline",
    "TrainingPlan",
    "TrainingResources",
    "WarmPool",
]
