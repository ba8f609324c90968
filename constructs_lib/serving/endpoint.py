"""An endpoint of one or several variants."""

from __future__ import annotations

from collections.abc import Sequence

import aws_cdk as cdk
import jsii
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_sagemaker as sagemaker
from constructs import Construct, IConstruct

from constructs_lib.network import Network
from constructs_lib.serving import combinations
from constructs_lib.serving.asynchronous import Asynchronous
from constructs_lib.serving.binding import Binding, Deployed
from constructs_lib.serving.capture import DataCapture
from constructs_lib.serving.hosted import Hosted
from constructs_lib.serving.invocation import grant_invoke
from constructs_lib.serving.rollout import Rollout
from constructs_lib.serving.utilization import Utilization
from constructs_lib.serving.variants.base import NAME, Variant
from constructs_lib.training.roles import after_policies, grant_logs, grant_metrics, grant_network, grant_volumes
from constructs_lib.training.roles import sagemaker_role as role_of
from ml_contract.checks import matches


class Endpoint(Construct):
    """Role, models, endpoint configuration, endpoint, and what scales and watches it.

    The configuration is immutable and has no name of its own, so an update makes a new one before the old one goes.
    The endpoint has a name, because the alarms that take an update back need it before it exists.
    """

    name: str
    """Name of the endpoint."""
    role: iam.Role
    """Role of the serving containers, which holds what its models need."""
    resource: sagemaker.CfnEndpoint
    condition: cdk.CfnCondition | None
    """When there is an endpoint; None: always."""
    hosted: tuple[Hosted, ...]
    """What there is to scale and to watch: its variants, or the components of one."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        name: str,
        variants: Sequence[Variant],
        key: kms.IKey,
        shadow: Sequence[Variant] = (),
        network: Network | None = None,
        rollout: Rollout | None = None,
        capture: DataCapture | None = None,
        asynchronous: Asynchronous | None = None,
        utilization: Utilization | None = None,
        condition: cdk.CfnCondition | None = None,
    ) -> None:
        """Build the endpoint.

        Args:
            scope: Parent.
            construct_id: Construct id.
            name: Name of the endpoint, which callers and alarms use.
            variants: What serves, each with its share of the traffic.
            key: Key of the instances' volumes.
            shadow: A variant that gets copies of requests and whose answers nobody sees; none by default.
            network: Where the containers run; None: outside of any network of the account.
            rollout: How updates reach the endpoint; None: all at once, and no alarm takes them back.
            capture: Requests and answers that are kept; None: none.
            asynchronous: Requests wait in a queue; None: the caller waits for the answer.
            utilization: Metrics beyond the usual; None: none.
            condition: Where it does not hold there are role and security group, and nothing else.

        Raises:
            ContractError: The parts do not go together.
        """
        super().__init__(scope, construct_id)
        matches("name", name, NAME)
        plan = combinations.Plan(
            variants=variants, shadow=shadow, network=network, capture=capture, asynchronous=asynchronous
        )
        combinations.check(plan)
        self.name, self.condition, self._plan = name, condition, plan
        scopes = {variant.name: Construct(self, variant.name) for variant in plan.all}
        binding = self._binding(key)
        config = self._config(binding, scopes, utilization)
        self.resource = sagemaker.CfnEndpoint(
            self, "Endpoint", endpoint_name=name, endpoint_config_name=config.attr_endpoint_config_name
        )
        deployed = Deployed(
            binding=binding, resource=self.resource, name=name, kind="asynchronous" if asynchronous else "real-time"
        )
        self.hosted = tuple(one for variant in variants for one in variant.follow(scopes[variant.name], deployed))
        self._keep_scaled()
        if rollout is not None:
            self.resource.deployment_config = rollout.bind(self, self.hosted, self.role)
        if condition is not None:
            cdk.Aspects.of(self).add(_Conditional(condition, [self.role, *([binding.group] if binding.group else [])]))

    def _binding(self, key: kms.IKey) -> Binding:
        self.role = role_of(self, "Role", "Serving containers of one endpoint")
        network, group = self._plan.network, None
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
        instances = [variant.instances for variant in self._plan.all if variant.instances is not None]
        return bool(instances) and not any(found.has_local_storage for found in instances)

    def _config(
        self, binding: Binding, scopes: dict[str, Construct], utilization: Utilization | None
    ) -> sagemaker.CfnEndpointConfig:
        plan = self._plan
        components = any(variant.hosts_components for variant in plan.variants)
        isolated = components and any(variant.network_isolation for variant in plan.variants)
        config = sagemaker.CfnEndpointConfig(
            self,
            "Config",
            production_variants=[variant.bind(scopes[variant.name], binding) for variant in plan.variants],
            shadow_production_variants=[variant.bind(scopes[variant.name], binding) for variant in plan.shadow] or None,
            async_inference_config=plan.asynchronous.bind(binding) if plan.asynchronous else None,
            data_capture_config=plan.capture.bind(binding) if plan.capture else None,
            metrics_config=utilization.render() if utilization else None,
            kms_key_id=binding.key.key_arn if self._volumes_take_a_key else None,
            # Without a model in the variant, its role and network stand here.
            execution_role_arn=self.role.role_arn if components else None,
            vpc_config=binding.config_network() if components else None,
            enable_network_isolation=isolated or None,
        )
        after_policies(config, self.role)
        return config

    def _keep_scaled(self) -> None:
        """An update would otherwise begin with the configuration's count of instances, whatever the load is.

        Weights stay the configuration's: they change by a deployment only.
        """
        if any(variant.scales for variant in self._plan.variants):
            self.resource.retain_all_variant_properties = True
            self.resource.exclude_retained_variant_properties = [
                sagemaker.CfnEndpoint.VariantPropertyProperty(variant_property_type="DesiredWeight")
            ]

    def grant_invoke(self, grantee: iam.IGrantable, target_models: Sequence[str] | None = None) -> iam.Grant:
        """Let ``grantee`` ask the endpoint.

        Args:
            grantee: Who may ask.
            target_models: Models of a multi-model endpoint that it may name, for example ``bert-7`` or ``team-a/*``;
                or containers of a pipeline in mode Direct. None: any.

        Raises:
            ContractError: A request to this endpoint names no such thing, or the name is none.
        """
        return grant_invoke(self._plan, self._asked(), grantee, target_models)

    def _asked(self) -> list[str]:
        """ARNs of what a request is for."""
        stack = cdk.Stack.of(self)
        arn = f"arn:{stack.partition}:sagemaker:{stack.region}:{stack.account}"
        # A component is a resource of its own, which the caller must be allowed to ask too.
        components = [f"{arn}:inference-component/{one.component}" for one in self.hosted if one.component]
        return [f"{arn}:endpoint/{self.name}", *components]


@jsii.implements(cdk.IAspect)
class _Conditional:
    """Puts a condition on every resource of a construct, but those below ``kept``."""

    def __init__(self, condition: cdk.CfnCondition, kept: Sequence[IConstruct]) -> None:
        self._condition, self._kept = condition, tuple(f"{construct.node.path}/" for construct in kept)

    def visit(self, node: IConstruct) -> None:
        if isinstance(node, cdk.CfnResource) and not node.node.path.startswith(self._kept):
            node.cfn_options.condition = self._condition
