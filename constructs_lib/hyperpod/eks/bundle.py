"""Manifests that no AWS API makes, as one file and the command that applies it."""

from __future__ import annotations

import json
import re
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

import aws_cdk as cdk
from aws_cdk import aws_s3_assets as assets
from constructs import Construct

from constructs_lib.hyperpod.eks.control_plane import ControlPlane
from constructs_lib.hyperpod.eks.manifest import Manifest, check
from ml_contract.errors import reject

_VARIABLE = re.compile(r"\$\{([A-Z_]+)\}")


class ManifestBundle(Construct):
    """A file of the app's assets, in which ``${NAME}`` stands for what a deployment knows."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        control_plane: ControlPlane,
        manifests: Sequence[Manifest],
        variables: Mapping[str, str] | None = None,
    ) -> None:
        """Publish the manifests, each held against its schema.

        Args:
            scope: Parent.
            construct_id: Construct id; bundles are applied in the order of the output's names.
            control_plane: Where they go.
            manifests: The objects, in the order in which they are applied.
            variables: Values by name, which may be references; none by default.

        Raises:
            ContractError: A manifest is wrong, one is given twice, or a variable has no value or no use.
        """
        super().__init__(scope, construct_id)
        given = dict(variables or {})
        text = json.dumps({"apiVersion": "v1", "kind": "List", "items": [check(one) for one in manifests]}, indent=2)
        seen: set[tuple[str, str, str]] = set()
        for one in manifests:
            place = one["metadata"]
            key = (str(one["kind"]), str(place.get("namespace", "")), str(place["name"]))
            if key in seen:
                reject("manifests", "/".join(key), "an object is applied once", "Leave one out, or rename it.")
            seen.add(key)
        used = set(_VARIABLE.findall(text))
        for name in sorted(used ^ set(given)):
            reject(f"variables.{name}", given.get(name), "what stands in the manifests has a value, and nothing else",
                   "Give it." if name in used else "Leave it out.")  # fmt: skip
        with tempfile.TemporaryDirectory(prefix="trainyard-manifests-") as folder:
            path = Path(folder) / "manifests.json"
            path.write_text(text)
            # CDK copies the file at once.
            self.asset = assets.Asset(self, "File", path=str(path))
        stack = cdk.Stack.of(self)
        values = "".join(f"{name}='{value}' " for name, value in sorted(given.items()))
        # These alone: a script in a manifest has variables of its own.
        names = " ".join(f"${{{name}}}" for name in sorted(given))
        commands = [
            f"aws eks update-kubeconfig --region {stack.region} --name {control_plane.settings.name}",
            f"aws s3 cp {self.asset.s3_object_url} manifests.json",
            f"{values}envsubst '{names}' < manifests.json | kubectl apply -f -",
        ]
        cdk.CfnOutput(self, "ApplyCommands", value="\n".join(commands),
                      description="By an administrator inside the network")  # fmt: skip
