"""The table of resource types, and how it gets into the emulator."""

from collections.abc import Iterable, Mapping

from ministack.services.cloudformation import provisioners, stacks

from trainyard.local.api.service import Service
from trainyard.local.cloudformation import (
    autoscaling,
    budgets,
    cloudwatch,
    conditions,
    drift,
    ec2_actions,
    ecr,
    endpoints,
    events,
    fsx,
    governance,
    iam,
    iam_policies,
    kms,
    logs,
    metadata,
    network,
    rds,
    routing,
    s3,
    s3_managed_key,
    sagemaker,
    sagemaker_cluster,
    sagemaker_hosting,
    secrets,
    security_groups,
    sns,
    ssm,
    stepfunctions,
    vpc_cidr_block,
)
from trainyard.local.cloudformation.handlers import handlers
from trainyard.local.cloudformation.resource import Resource


def resources(services: Mapping[str, Service]) -> list[Resource]:
    """Every type that the cloud applies, ready to be registered."""
    plain: Iterable[type[Resource]] = (
        *network.TYPES,
        *vpc_cidr_block.TYPES,
        *routing.TYPES,
        *security_groups.TYPES,
        *endpoints.TYPES,
        *kms.TYPES,
        *s3.TYPES,
        *iam.TYPES,
        *iam_policies.TYPES,
        *logs.TYPES,
        *ssm.TYPES,
        *metadata.TYPES,
        *ecr.TYPES,
        *cloudwatch.TYPES,
        *sns.TYPES,
        *events.TYPES,
        *stepfunctions.TYPES,
        *rds.TYPES,
        *secrets.TYPES,
    )
    made = [kind() for kind in plain]
    if "sagemaker" in services:
        kinds = (*sagemaker.TYPES, *sagemaker_hosting.TYPES, *sagemaker_cluster.TYPES, *governance.TYPES)
        made += [kind(services["sagemaker"]) for kind in kinds]
    if autoscaling.SERVICE in services:
        made += [kind(services[autoscaling.SERVICE]) for kind in autoscaling.TYPES]
    if fsx.SERVICE in services:
        made += [kind(services[fsx.SERVICE]) for kind in fsx.TYPES]
    if budgets.SERVICE in services:
        made += [kind(services[budgets.SERVICE]) for kind in budgets.TYPES]
    return made


def install(services: Mapping[str, Service]) -> None:
    """Replaces the emulator's handlers, and tells its engine what replaces, what is named and what carries tags."""
    conditions.install()
    drift.install()
    ec2_actions.install()
    s3_managed_key.install()
    slow = set()
    for resource in resources(services):
        provisioners._RESOURCE_HANDLERS[resource.type] = handlers(resource)
        provisioners._REPLACING_PROPERTIES[resource.type] = tuple(resource.schema["create_only"])
        provisioners._CONDITIONALLY_REPLACING_PROPERTIES.pop(resource.type, None)
        provisioners._CUSTOM_NAME_REPLACEMENT.pop(resource.type, None)
        if resource.custom_name:
            provisioners._CUSTOM_NAME_REPLACEMENT[resource.type] = {"name": resource.custom_name}
        if resource.tag_shape and "Tags" in resource.schema["properties"]:
            provisioners._STACK_TAG_PROPERTY[resource.type] = ("Tags", resource.tag_shape)
        if resource.slow:
            slow.add(resource.type)
    inner = stacks._runs_on_worker_thread
    stacks._runs_on_worker_thread = lambda kind: kind in slow or inner(kind)
