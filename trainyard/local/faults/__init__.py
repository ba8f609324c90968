"""Faults on request: what a cloud does to a job sooner or later, when somebody asks for it."""

from trainyard.local.faults.fault import Fault
from trainyard.local.faults.register import Faults

__all__ = ["Fault", "Faults"]
