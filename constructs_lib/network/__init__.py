"""Networks for training and serving: closed, and sized for their nodes."""

from constructs_lib.network.endpoints import ENDPOINTS, Endpoint
from constructs_lib.network.network import Network, NetworkSettings, know_availability_zones
from constructs_lib.network.sizing import addresses, subnet_prefix

__all__ = [
    "ENDPOINTS",
    "Endpoint",
    "Network",
    "NetworkSettings",
    "addresses",
    "know_availability_zones",
    "subnet_prefix",
]
