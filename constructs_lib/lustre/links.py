"""Links between directories of a file system and S3, and the log of what they could not copy.

Source: "Logging with Amazon CloudWatch Logs" (a group below /aws/fsx), FSx for Lustre User Guide, read 2026-11-22.
"""

from __future__ import annotations

from collections.abc import Mapping

import aws_cdk as cdk
from aws_cdk import aws_fsx as fsx
from aws_cdk import aws_kms as kms
from aws_cdk import aws_logs as logs
from aws_cdk import aws_s3 as s3
from constructs import Construct

from constructs_lib.encryption import let_log_service_use
from constructs_lib.lustre.repository import Mirror, let_file_systems_use
from constructs_lib.retention import RETENTION


def mirror_log(scope: Construct, key: kms.Key, mirror: Mirror, removal: cdk.RemovalPolicy) -> logs.LogGroup:
    """The log of failures, which lets the log service use ``key``.

    Args:
        scope: The file system.
        key: Key of the log.
        mirror: What is linked.
        removal: What happens to the log when the stack goes.
    """
    let_log_service_use(key)
    name = f"/aws/fsx/{cdk.Names.unique_resource_name(scope, max_length=64, separator='-')}"
    return logs.LogGroup(scope, "Log", log_group_name=name, retention=RETENTION[mirror.log_days],
                         encryption_key=key, removal_policy=removal)  # fmt: skip


def link(scope: Construct, file_system_id: str, mirror: Mirror, buckets: Mapping[str, s3.IBucket]) -> None:
    """Make the links, one after the other: FSx works at one of a file system at a time.

    Args:
        scope: The file system.
        file_system_id: Its id.
        mirror: What is linked.
        buckets: By the names that the repositories give them.
    """
    last: cdk.CfnResource | None = None
    for one in mirror.repositories:
        bucket = buckets[one.bucket]
        if bucket.encryption_key:
            let_file_systems_use(bucket.encryption_key)
        made = fsx.CfnDataRepositoryAssociation(
            scope,
            f"Link{one.directory.replace('/', '-')}",
            file_system_id=file_system_id,
            file_system_path=one.directory,
            data_repository_path=f"s3://{bucket.bucket_name}/{one.prefix}",
            batch_import_meta_data_on_create=True,
            imported_file_chunk_size=one.chunk_mib,
            s3=one.policies(),
        )
        if last is not None:
            made.add_resource_dependency(last)
        last = made
