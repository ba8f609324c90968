"""Parts of an endpoint's traffic, one class for each way to host."""

from constructs_lib.serving.variants.base import Variant
from constructs_lib.serving.variants.component_host import ComponentHost, ManagedScaling
from constructs_lib.serving.variants.real_time import RealTime
from constructs_lib.serving.variants.serverless import Serverless

__all__ = ["ComponentHost", "ManagedScaling", "RealTime", "Serverless", "Variant"]
