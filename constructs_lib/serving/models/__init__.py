"""What endpoints serve, one class for each way to package it."""

from constructs_lib.serving.models.base import Model
from constructs_lib.serving.models.registered import RegisteredModel

__all__ = ["Model", "RegisteredModel"]
