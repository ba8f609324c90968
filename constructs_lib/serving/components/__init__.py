"""Inference components: models that share the instances of one variant."""

from constructs_lib.serving.components.component import AdapterComponent, Component, ModelComponent
from constructs_lib.serving.components.construct import InferenceComponent
from constructs_lib.serving.components.share import Share

__all__ = ["AdapterComponent", "Component", "InferenceComponent", "ModelComponent", "Share"]
