"""Versions of Kubernetes and of EKS add-ons that go together, pinned.

Sources, read 2026-11-22: "Understand the Kubernetes version lifecycle on EKS" and endoflife.date/amazon-eks (ends of
support); "Disable EKS extended support"; "Getting started with Amazon EKS support in SageMaker HyperPod" (1.30 to 1.35;
the least version of the VPC CNI) and "Amazon SageMaker HyperPod AMI support policy" (images of 1.1 and later for 1.35);
"Upgrade the task governance add-on" (1.6.0 with Kueue 0.19.2); "Manage kube-proxy", EKS User Guide; "Setting up your
HyperPod clusters for model deployment" (the least of cert-manager) and "Inference Gateway for Amazon SageMaker HyperPod
Inference" (2.0.0 of the inference add-on). What runs on 1.35 was asked of ``describe-addon-versions`` by deployments of
September 2026 for CoreDNS, kube-proxy and the VPC CNI; drivers and operators were found pinned on 1.34 alone, the
training operator from 1.28 to 1.35 (awslabs/awsome-distributed-training at 0edaf15, which also says that it refuses
identities inside the add-on, its issue 1075). None need be the newest: what an account may have,
``aws eks describe-addon-versions`` says.
"""

from __future__ import annotations

import re
from datetime import date

from ml_contract.errors import reject

READ_ON = "2026-11-22"
STANDARD_SUPPORT_ENDS = {"1.33": date(2026, 7, 29), "1.34": date(2026, 12, 2), "1.35": date(2027, 3, 27)}
"""Versions that HyperPod runs on and this table has builds for, by the last day of EKS's standard support. Afterwards
the control plane costs six times as much (extended support), where the upgrade policy allows it at all."""
LEAST_CNI = (1, 18, 3)
LEAST_GOVERNANCE_WITH_OPERATOR = "v1.3.0-eksbuild.1"
"""Of task governance, where the training operator stands too: "Installing the training operator"."""
SKEW = 3
"""Minor versions that a node's kubelet may be behind its control plane; never ahead: "Version Skew Policy"."""

_SAME = {
    "vpc-cni": "v1.22.4-eksbuild.3",
    "eks-pod-identity-agent": "v1.3.10-eksbuild.3",
    "aws-fsx-csi-driver": "v1.8.0-eksbuild.2",
    "aws-mountpoint-s3-csi-driver": "v2.2.1-eksbuild.1",
    "cert-manager": "v1.18.2-eksbuild.2",
    "metrics-server": "v0.8.0-eksbuild.5",
    "amazon-sagemaker-hyperpod-training-operator": "v1.2.1-eksbuild.1",
    "amazon-sagemaker-hyperpod-taskgovernance": "v1.6.0-eksbuild.1",
    "amazon-sagemaker-hyperpod-inference": "v2.0.0-eksbuild.2",
    # Published nowhere in writing: EKS takes its default.
    "amazon-sagemaker-hyperpod-observability": None,
}
ADDONS: dict[str, dict[str, str | None]] = {
    "1.33": {**_SAME, "coredns": "v1.12.4-eksbuild.1", "kube-proxy": "v1.33.5-eksbuild.2"},
    "1.34": {**_SAME, "coredns": "v1.12.4-eksbuild.1", "kube-proxy": "v1.34.1-eksbuild.2"},
    "1.35": {**_SAME, "coredns": "v1.13.2-eksbuild.21", "kube-proxy": "v1.35.3-eksbuild.21"},
}
"""Builds by the version of Kubernetes; None: EKS's default."""
_BUILD = re.compile(r"v(\d+)\.(\d+)\.(\d+)-eksbuild\.(\d+)")


def parts(build: str, *, field: str) -> tuple[int, int, int, int]:
    """The numbers of a build such as ``v1.21.1-eksbuild.1``, the build's own last.

    Raises:
        ContractError: It is no build.
    """
    found = _BUILD.fullmatch(build)
    if found is None:
        reject(field, build, "a build is written like v1.21.1-eksbuild.1", "Take one of describe-addon-versions.")
    major, minor, patch, number = map(int, found.groups())
    return major, minor, patch, number


def check_kubernetes(version: str, *, field: str = "version") -> None:
    """Refuse a version that HyperPod does not run on, or that has no builds here."""
    if version not in ADDONS:
        reject(
            field, version, f"the builds of {READ_ON} are for {', '.join(ADDONS)}", "Take one of these, or add a row."
        )


def check_support(version: str, support: str, *, field: str = "support") -> None:
    """Refuse standard support alone of a version that has none any more: EKS takes no such cluster."""
    ended = STANDARD_SUPPORT_ENDS[version]
    if support == "STANDARD" and ended.isoformat() < READ_ON:
        reject(field, support, f"EKS's standard support of {version} ended on {ended}",
               f'Take version="{newest()}", or support="EXTENDED" at its price.')  # fmt: skip


def newest() -> str:
    """The newest version of the table."""
    return max(ADDONS, key=_minor)


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
