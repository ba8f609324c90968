"""Versions of Kubernetes and of EKS add-ons that go together, pinned.

Sources, read 2026-11-22: "Understand the Kubernetes version lifecycle on EKS" and endoflife.date/amazon-eks (ends of
support); "Getting started with Amazon EKS support in SageMaker HyperPod" (1.28 to 1.34; the least version of the VPC
CNI); "Upgrade the task governance add-on" (1.6.0 with Kueue 0.19.2); "Manage kube-proxy", EKS User Guide. The other
builds were found pinned in public deployments on Kubernetes 1.34 and are not the newest there may be: what an account
may have, ``aws eks describe-addon-versions`` says. awslabs/awsome-distributed-training at 0edaf15: the training
operator 1.2.1-eksbuild.1 is offered from 1.28 to 1.35, and refuses identities inside the add-on (its issue 1075).
"""

from __future__ import annotations

import re
from datetime import date

from ml_contract.errors import reject

READ_ON = "2026-11-22"
STANDARD_SUPPORT_ENDS = {"1.33": date(2026, 7, 29), "1.34": date(2026, 12, 2)}
"""Versions that HyperPod runs on and this table has builds for, by the last day of EKS's standard support. Afterwards
the control plane costs six times as much (extended support), where the upgrade policy allows it at all."""
LEAST_CNI = (1, 18, 3)
LEAST_GOVERNANCE_WITH_OPERATOR = (1, 3, 0)
"""Of task governance, where the training operator stands too: "Installing the training operator"."""
SKEW = 3
"""Minor versions that a node's kubelet may be behind its control plane; never ahead: "Version Skew Policy"."""

_SAME = {
    "vpc-cni": "v1.21.1-eksbuild.1",
    "eks-pod-identity-agent": "v1.3.10-eksbuild.2",
    "aws-fsx-csi-driver": "v1.8.0-eksbuild.2",
    "aws-mountpoint-s3-csi-driver": "v2.2.1-eksbuild.1",
    "cert-manager": "v1.18.2-eksbuild.1",
    "metrics-server": "v0.8.0-eksbuild.5",
    "amazon-sagemaker-hyperpod-training-operator": "v1.2.1-eksbuild.1",
    "amazon-sagemaker-hyperpod-taskgovernance": "v1.6.0-eksbuild.1",
    # Published nowhere in writing: EKS takes its default.
    "amazon-sagemaker-hyperpod-observability": None,
}
ADDONS: dict[str, dict[str, str | None]] = {
    "1.33": {**_SAME, "coredns": "v1.12.4-eksbuild.1", "kube-proxy": "v1.33.5-eksbuild.2"},
    "1.34": {**_SAME, "coredns": "v1.12.4-eksbuild.1", "kube-proxy": "v1.34.1-eksbuild.2"},
}
"""Builds by the version of Kubernetes; None: EKS's default."""
_BUILD = re.compile(r"v(\d+)\.(\d+)\.(\d+)-eksbuild\.\d+")


def parts(build: str, *, field: str) -> tuple[int, int, int]:
    """The numbers of a build such as ``v1.21.1-eksbuild.1``.

    Raises:
        ContractError: It is no build.
    """
    found = _BUILD.fullmatch(build)
    if found is None:
        reject(field, build, "a build is written like v1.21.1-eksbuild.1", "Take one of describe-addon-versions.")
    major, minor, patch = map(int, found.groups())
    return major, minor, patch


def check_kubernetes(version: str, *, field: str = "version") -> None:
    """Refuse a version that HyperPod does not run on, or that has no builds here."""
    if version not in ADDONS:
        reject(
            field, version, f"the builds of {READ_ON} are for {', '.join(ADDONS)}", "Take one of these, or add a row."
        )


def check_skew(nodes: str, control_plane: str, *, field: str = "nodes") -> None:
    """Refuse nodes whose kubelet is ahead of the control plane, or too far behind.

    Args:
        nodes: Kubernetes version of the nodes, ``1.33``.
        control_plane: Of the control plane.
        field: What an error calls the nodes' version.
    """
    behind = _minor(control_plane) - _minor(nodes)
    if not 0 <= behind <= SKEW:
        reject(field, nodes, f"nodes are at most {SKEW} minor versions behind the control plane's {control_plane}, and"
               " never ahead", "Update the control plane first, then the nodes' software.")  # fmt: skip


def _minor(version: str) -> int:
    return int(version.split(".")[1])
