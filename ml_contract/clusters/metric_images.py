"""Images of the programs that measure nodes, by digest, as their makers publish them.

They are copied once into the account's registry: a closed network reaches no other, and a node downloads nothing at
boot that could be another program tomorrow. A copy keeps its digest.

Sources, read 2026-11-22. The digests are those under which the public repositories name the releases, each found in
several that have nothing to do with each other: node-exporter v1.9.1 and prometheus v3.5.0 (the long-term release) are
lists for several architectures; that of dcgm-exporter is the manifest for amd64, which all GPUs of HyperPod's Slurm
have but those beside Grace, and was run by others on H100 and B300. ``crane digest SOURCE:TAG`` shows them.
"""

from __future__ import annotations

from ml_contract.checks import matches
from ml_contract.values import value_object


@value_object
class MetricImage:
    """One image."""

    name: str
    """Last part of its names, here and there."""
    source: str
    """Where its maker publishes it, without tag."""
    tag: str
    """The maker's tag, also of the copy."""
    digest: str
    """``sha256:`` and 64 hexadecimal digits."""

    def __post_init__(self) -> None:
        matches("digest", self.digest, r"sha256:[0-9a-f]{64}")

    @property
    def repository(self) -> str:
        """Name of the copy's repository below an environment's namespace in the account's registry."""
        return f"metrics/{self.name}"

    def copy(self, namespace: str) -> str:
        """The copy, as nodes name it: ``{account}`` and ``{region}`` stand for the cluster's own.

        Args:
            namespace: What the names of the environment's repositories start with.
        """
        return f"{{account}}.dkr.ecr.{{region}}.amazonaws.com/{namespace}/{self.repository}@{self.digest}"


NODE_EXPORTER = MetricImage(
    name="node-exporter",
    source="quay.io/prometheus/node-exporter",
    tag="v1.9.1",
    digest="sha256:d00a542e409ee618a4edc67da14dd48c5da66726bbd5537ab2af9c1dfc442c8a",
)
DCGM_EXPORTER = MetricImage(
    name="dcgm-exporter",
    source="nvcr.io/nvidia/k8s/dcgm-exporter",
    tag="4.5.2-4.8.1-ubuntu22.04",
    digest="sha256:a7ad6547d4546eaf4dd5d6b4c0b4db4101e63ef7dc3cdff7f42b767d2c60b706",
)
AGENT = MetricImage(
    name="prometheus",
    source="quay.io/prometheus/prometheus",
    tag="v3.5.0",
    digest="sha256:63805ebb8d2b3920190daf1cb14a60871b16fd38bed42b857a3182bc621f4996",
)
IMAGES = (NODE_EXPORTER, DCGM_EXPORTER, AGENT)
"""All of them."""
