"""Add-ons in a cluster: what nodes need before them, what needs nodes after them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import aws_cdk as cdk
from aws_cdk import aws_eks as eks
from constructs import Construct, IDependable

from constructs_lib.hyperpod.eks.addons import AddOn
from constructs_lib.hyperpod.eks.control_plane import ControlPlane
from constructs_lib.hyperpod.eks.identities import PodIdentity


class InstalledAddOns(Construct):
    """Add-ons of one phase, each after those that it stands on, with roles of their pods."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        control_plane: ControlPlane,
        addons: Sequence[AddOn],
        cluster_arn: str,
        after: Sequence[IDependable] = (),
    ) -> None:
        """Install them.

        Args:
            scope: Parent.
            construct_id: Construct id.
            control_plane: Where.
            addons: The add-ons; what they stand on is among them or there before.
            cluster_arn: ARN of the HyperPod cluster that their rights are for; empty before there is one.
            after: What must be there first, for what serves: nodes.
        """
        super().__init__(scope, construct_id)
        self.resources: dict[str, eks.CfnAddon] = {}
        for addon in addons:
            resource = self._install(control_plane, addon)
            self.resources[addon.name] = resource
            for number, identity in enumerate(addon.identities(cluster_arn)):
                pods = PodIdentity(
                    self, f"{addon.name}-{number}", control_plane=control_plane, namespace=identity.namespace,
                    service_account=identity.service_account,
                )  # fmt: skip
                for statement in identity.statements:
                    pods.role.add_to_policy(statement)
                # Pods look for credentials once, when they start.
                resource.node.add_dependency(pods)
            resource.node.add_dependency(*after)
        for addon in addons:
            for needed in addon.needs:
                if needed in self.resources:
                    self.resources[addon.name].node.add_dependency(self.resources[needed])

    def _install(self, control_plane: ControlPlane, addon: AddOn) -> eks.CfnAddon:
        configuration: dict[str, Any] = addon.configuration()
        return eks.CfnAddon(
            self,
            addon.name,
            cluster_name=control_plane.name,
            addon_name=addon.name,
            addon_version=addon.build(control_plane.settings.version),
            configuration_values=cdk.Stack.of(self).to_json_string(configuration) if configuration else None,
            resolve_conflicts="OVERWRITE",
            # HyperPod's console looks for add-ons by it.
            tags=[cdk.CfnTag(key="SageMaker", value="true")],
        )
