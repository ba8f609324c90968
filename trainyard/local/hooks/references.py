"""What exists in the emulator, looked up in its memory: safe inside an operation."""

from __future__ import annotations

import importlib
from typing import Any

from trainyard.local.hooks import sessions


def exists(kind: str, arn_or_name: str) -> bool:
    """Whether a resource exists.

    Args:
        kind: `role` (it also has to trust SageMaker), `bucket`, `subnet`, `security_group`, `key`, `alarm`, `topic`,
            `secret`, `eks_cluster`, `hyperpod_role` (it has to trust hyperpod.sagemaker.amazonaws.com) or
            `budgets_role` (it has to trust budgets.amazonaws.com).
        arn_or_name: the resource's ARN, name, id, or for a key an alias.
    """
    match kind:
        case "role":
            return sessions.may_assume(arn_or_name)
        case "hyperpod_role":
            return sessions.may_assume(arn_or_name, "hyperpod.sagemaker.amazonaws.com")
        case "budgets_role":
            return sessions.may_assume(arn_or_name, "budgets.amazonaws.com")
        case "eks_cluster":
            return arn_or_name.rpartition("/")[2] in _service("eks")._clusters
        case "bucket":
            return arn_or_name.removeprefix("arn:aws:s3:::") in _service("s3")._buckets
        case "subnet":
            return arn_or_name in _service("ec2")._subnets
        case "security_group":
            return arn_or_name in _service("ec2")._security_groups
        case "key":
            key = _service("kms")._resolve_key(arn_or_name)
            return key is not None and key["KeyState"] == "Enabled"
        case "alarm":
            service = _service("cloudwatch")
            return arn_or_name in service._alarms or arn_or_name in service._composite_alarms
        case "secret":
            secret = _service("secretsmanager")._resolve(arn_or_name)[1]
            return secret is not None and not secret.get("DeletedDate")
        case "topic":
            return arn_or_name in _service("sns")._topics
    raise AssertionError(f"no look-up for {kind}")


def count_stacks() -> int:
    """CloudFormation stacks that exist."""
    stacks = _service("cloudformation")._stacks
    return sum(1 for stack in stacks.values() if stack.get("StackStatus") != "DELETE_COMPLETE")


def _service(name: str) -> Any:
    return importlib.import_module(f"ministack.services.{name}")
