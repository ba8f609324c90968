"""Limits that no grant can pass: permission boundaries and service control policies."""

from constructs_lib.guardrails.boundary import Boundary, LogBoundary, PlatformBoundary
from constructs_lib.guardrails.organization import service_control_policy
from constructs_lib.guardrails.settings import Guardrails

__all__ = ["Boundary", "Guardrails", "LogBoundary", "PlatformBoundary", "service_control_policy"]
