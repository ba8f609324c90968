"""Endpoints."""

from constructs_lib.serving.endpoint import RegisteredEndpoint, ServingResources

__all__ = ["RegisteredEndpoint", "ServingResources"]
