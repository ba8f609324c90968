"""What endpoints serve, one class for each way to package it."""

from constructs_lib.serving.models.base import Model
from constructs_lib.serving.models.data import Archive, ModelData, Uncompressed
from constructs_lib.serving.models.engine import Engine
from constructs_lib.serving.models.lmi import LmiModel
from constructs_lib.serving.models.multi_model import MultiModel
from constructs_lib.serving.models.pipeline import SerialPipeline, Stage
from constructs_lib.serving.models.registered import RegisteredModel
from constructs_lib.serving.models.speculation import (
    DraftSpeculation,
    NgramSpeculation,
    OwnHeadsSpeculation,
    Speculation,
)
from constructs_lib.serving.models.tensorrt_llm import TensorRtLlm
from constructs_lib.serving.models.triton import TritonModel, TritonServer
from constructs_lib.serving.models.vllm import Vllm

__all__ = [
    "Archive",
    "DraftSpeculation",
    "Engine",
    "LmiModel",
    "Model",
    "ModelData",
    "MultiModel",
    "NgramSpeculation",
    "OwnHeadsSpeculation",
    "RegisteredModel",
    "SerialPipeline",
    "Speculation",
    "Stage",
    "TensorRtLlm",
    "TritonModel",
    "TritonServer",
    "Uncompressed",
    "Vllm",
]
