"""Parts of an endpoint's traffic, one class for each way to host."""

from constructs_lib.serving.variants.base import Variant
from constructs_lib.serving.variants.real_time import RealTime

__all__ = ["RealTime", "Variant"]
