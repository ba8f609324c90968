"""Rules in the language of CloudFormation Guard: AWS's own for Control Tower, and this project's for SageMaker."""

from constructs_lib.guardrails.guard.plugin import GuardRules

__all__ = ["GuardRules"]
