"""An endpoint of one or several variants."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import aws_cdk as cdk
import jsii
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_sagemaker as sagemaker
from constructs import Construct, IConstruct

from constructs_lib.network import Network
from constructs_lib.serving.binding import Binding, conditional
from constructs_lib.serving.hosted import Hosted, Kind
from constructs_lib.serving.variants.base import Variant
from constructs_lib.training.roles import (
    grant_logs,
    grant_metrics,
    grant_network,
    grant_volumes,
    sagemaker_role,
)
from ml_contract.instances import instance


class RollsOut(Protocol):
    """How an update reaches the endpoint, and which alarms take it back."""

    def bind(self, scope: Construct, hosted: Sequence[Hosted]) -> sagemaker.CfnEndpoint.DeploymentConfigProperty:
        """Make the alarms below ``scope`` and describe the deployment."""


class Endpoint(Construct):
    """Role, models, endpoint configuration and endpoint.

    The configuration is immutable and has no name of its own, so an update makes a new one before the old one goes.
    The endpoint has a name, because the alarms that take an update back need it before it exists.
    """

    role: iam.Role
    """Role of the serving containers, which holds what its models need."""
    resource: sagemaker.CfnEndpoint

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        name: str,
        variants: Sequence[Variant],
        key: kms.IKey,
        network: Network | None = None,
        rollout: RollsOut | None = None,
        condition: cdk.CfnCondition | None = None,
    ) -> None:
        """Build the endpoint.

        Args:
            scope: Parent.
            construct_id: Construct id.
            name: Name of the endpoint, which callers and alarms use.
            variants: What serves, each with its share of the traffic.
            key: Key of the instances' volumes.
            network: Where the containers run; None: outside of any network of the account.
            rollout: How updates reach the endpoint; None: all at once, and no alarm takes them back.
            condition: Where it does not hold there are role and security group, and nothing else.
        """
        super().__init__(scope, construct_id)
        self.name, self._variants = name, tuple(variants)
        binding = self._binding(network, key)
        config = self._config(binding)
        self.resource = sagemaker.CfnEndpoint(
            self, "Endpoint", endpoint_name=name, endpoint_config_name=config.attr_endpoint_config_name
        )
        self.hosted = tuple(variant.hosted(name, self._kind, self.resource) for variant in self._variants)
        self._scale()
        if rollout is not None:
            self.resource.deployment_config = rollout.bind(self, self.hosted)
        if condition is not None:
            cdk.Aspects.of(self).add(_Conditional(condition, [self.role, *([binding.group] if binding.group else [])]))

    @property
    def _kind(self) -> Kind:
        return "real-time"

    def _binding(self, network: Network | None, key: kms.IKey) -> Binding:
        self.role = sagemaker_role(self, "Role", "Serving containers of one endpoint")
        group = None
        if network is not None:
            group = ec2.SecurityGroup(self, "Group", vpc=network.vpc, allow_all_outbound=False,
                                      description="Serving containers: HTTPS to endpoints")  # fmt: skip
            group.add_egress_rule(ec2.Peer.any_ipv4(), ec2.Port.tcp(443), "Endpoints of the network and S3")
            grant_network(self.role, network.subnets, group)
        if self._volumes_take_a_key:
            grant_volumes(self.role, key)
        grant_logs(self.role, f"Endpoints/{self.name}")
        grant_metrics(self.role, "/aws/sagemaker/Endpoints")
        return Binding(role=self.role, key=key, network=network, group=group)

    @property
    def _volumes_take_a_key(self) -> bool:
        # Types with local storage encrypt it by themselves and refuse a key (CreateEndpointConfig, KmsKeyId).
        types = [variant.instance_type for variant in self._variants if variant.instance_type]
        return bool(types) and not any(instance(name).has_local_storage for name in types)

    def _config(self, binding: Binding) -> sagemaker.CfnEndpointConfig:
        return sagemaker.CfnEndpointConfig(
            self,
            "Config",
            production_variants=[variant.bind(Construct(self, variant.name), binding) for variant in self._variants],
            kms_key_id=binding.key.key_arn if self._volumes_take_a_key else None,
        )

    def _scale(self) -> None:
        for variant, hosted in zip(self._variants, self.hosted, strict=True):
            if variant.scaling is None:
                continue
            variant.scaling.check(hosted)
            variant.scaling.bind(Construct(self, f"{variant.name}-Scaling"), hosted)
            # An update would otherwise begin with the configuration's count, whatever the load is. The weights stay
            # the configuration's: they change by a deployment only.
            self.resource.retain_all_variant_properties = True
            self.resource.exclude_retained_variant_properties = [
                sagemaker.CfnEndpoint.VariantPropertyProperty(variant_property_type="DesiredWeight")
            ]

    def grant_invoke(self, grantee: iam.IGrantable, target_models: Sequence[str] | None = None) -> iam.Grant:
        """Let ``grantee`` ask the endpoint.

        Args:
            grantee: Who may ask.
            target_models: Models of a multi-model endpoint that it may name, for example ``bert-7.tar.gz`` or
                ``team-a/*``; None: any.
        """
        stack = cdk.Stack.of(self)
        arn = f"arn:{stack.partition}:sagemaker:{stack.region}:{stack.account}:endpoint/{self.name}"
        conditions = {"StringLike": {"sagemaker:TargetModel": list(target_models)}} if target_models else None
        return iam.Grant.add_to_principal(
            grantee=grantee,
            actions=["sagemaker:InvokeEndpoint", "sagemaker:InvokeEndpointWithResponseStream"],
            resource_arns=[arn],
            conditions=conditions,
        )


@jsii.implements(cdk.IAspect)
class _Conditional:
    """Puts a condition on every resource of a construct, but those below ``kept``."""

    def __init__(self, condition: cdk.CfnCondition, kept: Sequence[IConstruct]) -> None:
        self._condition, self._kept = condition, tuple(construct.node.path for construct in kept)

    def visit(self, node: IConstruct) -> None:
        path = node.node.path
        if isinstance(node, cdk.CfnResource) and not any(path.startswith(f"{kept}/") for kept in self._kept):
            conditional(node, self._condition)
