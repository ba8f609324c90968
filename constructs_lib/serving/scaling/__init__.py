"""How what serves grows and shrinks: limits, and rules that bind."""

from constructs_lib.serving.scaling.base import Rule, Target
from constructs_lib.serving.scaling.intervals import Step
from constructs_lib.serving.scaling.scaling import Scaling
from constructs_lib.serving.scaling.schedule import At, Cron, Rate, Scheduled
from constructs_lib.serving.scaling.steps import StepScaling
from constructs_lib.serving.scaling.tracking import (
    Backlog,
    ConcurrentRequests,
    GpuUtilization,
    InvocationsPerCopy,
    InvocationsPerInstance,
    ProvisionedConcurrencyUtilization,
    TargetTracking,
)
from constructs_lib.serving.scaling.wake import WakeFromZero

__all__ = [
    "At",
    "Backlog",
    "ConcurrentRequests",
    "Cron",
    "GpuUtilization",
    "InvocationsPerCopy",
    "InvocationsPerInstance",
    "ProvisionedConcurrencyUtilization",
    "Rate",
    "Rule",
    "Scaling",
    "Scheduled",
    "Step",
    "StepScaling",
    "Target",
    "TargetTracking",
    "WakeFromZero",
]
