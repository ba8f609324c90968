"""Add-ons in a cluster: what nodes need before them, what needs nodes after them."""

from __future__ import annotations

from collections.abc import Sequence

import aws_cdk as cdk
from aws_cdk import aws_eks as eks
from constructs import Construct, IDependable

from constructs_lib.hyperpod.eks.addon import AddOn, AddOnBinding


class InstalledAddOns(Construct):
    """Add-ons of one phase, each after those that it stands on, with roles of their pods."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        addons: Sequence[AddOn],
        binding: AddOnBinding,
        after: Sequence[IDependable] = (),
    ) -> None:
        """Install them.

        Args:
            scope: Parent.
            construct_id: Construct id.
            addons: The add-ons; what they stand on is among them or there before.
            binding: Where, and what they work with.
            after: What must be there first, for what serves: nodes.
        """
        super().__init__(scope, construct_id)
        self.resources: dict[str, eks.CfnAddon] = {}
        for addon in addons:
            config = addon.bind(self, binding)
            resource = self.resources[addon.name] = eks.CfnAddon(
                self,
                addon.name,
                cluster_name=binding.control_plane.name,
                addon_name=addon.name,
                addon_version=addon.build(binding.control_plane.settings.version),
                configuration_values=cdk.Stack.of(self).to_json_string(config.values) if config.values else None,
                resolve_conflicts="OVERWRITE",
                # HyperPod's console looks for add-ons by it.
                tags=[cdk.CfnTag(key="SageMaker", value="true")],
            )
            resource.node.add_dependency(*config.after, *after)
        for addon in addons:
            for needed in addon.needs:
                if needed in self.resources:
                    self.resources[addon.name].node.add_dependency(self.resources[needed])
