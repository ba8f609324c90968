"""CloudFormation as AWS would have it, in the embedded cloud.

The emulator brings the engine: templates, change sets, order, rollback. This package replaces its handlers for the
types that Trainyard's stacks use, so that each property is applied through the service's own API or refused,
references are checked, and what AWS replaces is replaced. It runs inside the cloud's process;
`trainyard.local.readback` holds the result against the template from outside, as a client.
"""

from collections.abc import Mapping

from trainyard.local.api.service import Service


def register(services: Mapping[str, Service]) -> None:
    """Puts this project's resource types into the emulator. Call once, before the server starts.

    Args:
        services: The cloud's own services by botocore name; "sagemaker" makes the AWS::SageMaker types,
            "application-autoscaling" those of AWS::ApplicationAutoScaling.
    """
    from trainyard.local.cloudformation.registry import install

    install(services)
