"""What an environment serves: one value an endpoint, and how each becomes one."""

from stacks.served.base import PACKAGES, Bound, Command, Platform, Registered, Served
from stacks.served.callers import Caller
from stacks.served.catalogue import ServedCatalogue
from stacks.served.hosting import Capture, Instances, OnDemand, Queue
from stacks.served.language_model import ServedLanguageModel
from stacks.served.monitored import Monitored, MonitoredData
from stacks.served.optimized import Optimized
from stacks.served.workload import ServedWorkload

__all__ = [
    "PACKAGES",
    "Bound",
    "Caller",
    "Capture",
    "Command",
    "Instances",
    "Monitored",
    "MonitoredData",
    "OnDemand",
    "Optimized",
    "Platform",
    "Queue",
    "Registered",
    "Served",
    "ServedCatalogue",
    "ServedLanguageModel",
    "ServedWorkload",
]
