"""Policies that are too wide, refused when an app is synthesised."""

from constructs_lib.guardrails.review.findings import Finding
from constructs_lib.guardrails.review.plugin import PolicyReview

__all__ = ["Finding", "PolicyReview"]
