"""Steps of a pipeline. Each is a value; binding it to a pipeline grants what it needs and writes its definition."""

from constructs_lib.training.steps.base import Binding, Step
from constructs_lib.training.steps.condition import Comparison, ConditionStep, FailStep
from constructs_lib.training.steps.processing import Input, Output, ProcessingStep, PropertyFile
from constructs_lib.training.steps.register import RegisterModelStep
from constructs_lib.training.steps.training import Channel, TrainingStep

__all__ = [
    "Binding",
    "Channel",
    "Comparison",
    "ConditionStep",
    "FailStep",
    "Input",
    "Output",
    "ProcessingStep",
    "PropertyFile",
    "RegisterModelStep",
    "Step",
    "TrainingStep",
]
