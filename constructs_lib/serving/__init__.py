"""Endpoints: models, variants, and what binds them."""

from constructs_lib.serving.endpoint import Endpoint
from constructs_lib.serving.hosted import Hosted
from constructs_lib.serving.package import PackageParameter
from constructs_lib.serving.resources import ServingResources

__all__ = ["Endpoint", "Hosted", "PackageParameter", "ServingResources"]
