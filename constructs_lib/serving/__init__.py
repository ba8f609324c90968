"""Endpoints: models, variants, and what binds them."""

from constructs_lib.serving.asynchronous import Asynchronous, ResultTopics
from constructs_lib.serving.capture import DataCapture
from constructs_lib.serving.endpoint import Endpoint
from constructs_lib.serving.hosted import Hosted
from constructs_lib.serving.package import PackageParameter
from constructs_lib.serving.resources import ServingResources
from constructs_lib.serving.utilization import Utilization

__all__ = [
    "Asynchronous",
    "DataCapture",
    "Endpoint",
    "Hosted",
    "PackageParameter",
    "ResultTopics",
    "ServingResources",
    "Utilization",
]
