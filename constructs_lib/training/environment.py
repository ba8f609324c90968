"""Environment variables of a job's containers."""

from __future__ import annotations

from constructs_lib.training.expressions import Expression
from ml_contract.errors import reject

LONGEST_ENVIRONMENT_VALUE = 512
MOST_ENVIRONMENT_VARIABLES = 100

Environment = dict[str, str | Expression]


def check_environment(environment: Environment) -> None:
    """Hold a container's environment against SageMaker's limits.

    Raises:
        ContractError: Too many variables, or a value that is too long.
    """
    if len(environment) > MOST_ENVIRONMENT_VARIABLES:
        reject("environment", len(environment), f"SageMaker takes at most {MOST_ENVIRONMENT_VARIABLES} variables",
               "Put the rest into a file of an input.")  # fmt: skip
    for name, value in environment.items():
        if isinstance(value, str) and len(value) > LONGEST_ENVIRONMENT_VALUE:
            reject(f"environment.{name}", value[:40] + "…",
                   f"a variable holds at most {LONGEST_ENVIRONMENT_VALUE} characters",
                   "Put long values into a file of an input.")  # fmt: skip
