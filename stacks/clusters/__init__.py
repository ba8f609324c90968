"""Clusters of an environment: what they are made of, and the runs that people submit to them."""

from stacks.clusters.base import PlatformCluster
from stacks.clusters.claims import FilesClaim
from stacks.clusters.eks import EksCluster
from stacks.clusters.files import SharedFiles
from stacks.clusters.models import ClusterModel
from stacks.clusters.platform import ClusterPlatform
from stacks.clusters.runs import EksRun, SlurmRun
from stacks.clusters.slurm import SlurmCluster
from stacks.clusters.spares import EnoughSpares, NoSpares

__all__ = [
    "ClusterModel", "ClusterPlatform", "EksCluster", "EksRun", "EnoughSpares", "FilesClaim", "NoSpares",
    "PlatformCluster", "SharedFiles", "SlurmCluster", "SlurmRun",
]  # fmt: skip
