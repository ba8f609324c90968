"""How an update reaches what serves, and what takes it back."""

from constructs_lib.serving.rollout.alarms import RollbackAlarms
from constructs_lib.serving.rollout.base import Rollout
from constructs_lib.serving.rollout.blue_green import AllAtOnce, Canary, Linear
from constructs_lib.serving.rollout.rolling import Rolling
from constructs_lib.serving.rollout.sizes import Instances, Percent, Size
from constructs_lib.serving.rollout.watches import GpuMemory, ServerErrorRate, ServerErrors, SlowAnswers, Watch

__all__ = [
    "AllAtOnce",
    "Canary",
    "GpuMemory",
    "Instances",
    "Linear",
    "Percent",
    "RollbackAlarms",
    "Rolling",
    "Rollout",
    "ServerErrorRate",
    "ServerErrors",
    "Size",
    "SlowAnswers",
    "Watch",
]
