"""FSx for Lustre: the file system that nodes of a cluster, and jobs, share."""

from constructs_lib.lustre.deployment import Deployment, Persistent2, Scratch2
from constructs_lib.lustre.file_system import LustreFileSystem
from constructs_lib.lustre.performance import (
    AutomaticMetadata,
    Metadata,
    NoCache,
    ProportionalCache,
    ProvisionedCache,
    ProvisionedMetadata,
    ReadCache,
)
from constructs_lib.lustre.repository import Mirror, Repository
from constructs_lib.lustre.settings import Backups, LustreSettings
from constructs_lib.lustre.tiering import IntelligentTiering

__all__ = [
    "AutomaticMetadata",
    "Backups",
    "Deployment",
    "IntelligentTiering",
    "LustreFileSystem",
    "LustreSettings",
    "Metadata",
    "Mirror",
    "NoCache",
    "Persistent2",
    "ProportionalCache",
    "ProvisionedCache",
    "ProvisionedMetadata",
    "ReadCache",
    "Repository",
    "Scratch2",
]
