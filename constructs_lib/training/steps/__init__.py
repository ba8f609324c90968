"""Steps of a pipeline. Each is a value; binding it to a pipeline grants what it needs and writes its definition."""

from constructs_lib.training.binding import Binding
from constructs_lib.training.channels import Channel, FileSystem, FileSystemChannel, StreamChannel
from constructs_lib.training.steps.base import Step
from constructs_lib.training.steps.condition import Comparison, ConditionStep, FailStep
from constructs_lib.training.steps.processing import Input, Output, ProcessingStep, PropertyFile
from constructs_lib.training.steps.register import RegisterModelStep
from constructs_lib.training.steps.training import TrainingStep

__all__ = [
    "Binding",
    "Channel",
    "Comparison",
    "ConditionStep",
    "FailStep",
    "FileSystem",
    "FileSystemChannel",
    "Input",
    "Output",
    "ProcessingStep",
    "PropertyFile",
    "RegisterModelStep",
    "Step",
    "StreamChannel",
    "TrainingStep",
]
