"""Rules of CloudFormation Guard that do not hold here."""

from __future__ import annotations

from stacks.acknowledgements.acknowledgement import Acknowledgement

GUARD = (
    Acknowledgement(
        finding=r"CfnGuard-cloudwatch_alarm_action_check",
        path=r"/EndpointAlarms[A-Za-z0-9]+",
        reason=(
            "SageMaker itself reads these alarms while a deployment bakes, and rolls back. Left: between deployments "
            "nobody is told by them; the alarms of the operation stack tell people."
        ),
    ),
    Acknowledgement(
        finding=r"CfnGuard-cloudwatch_log_group_encrypted_check",
        path=r"/[A-Za-z0-9-]*Log[A-Za-z0-9]*",
        reason=(
            "CloudWatch encrypts under its own key; what is written there is states and errors, no data. Left: who may "
            "read the group needs no key beside."
        ),
    ),
    Acknowledgement(
        finding=r"CfnGuard-cloudwatch_log_group_retention_period_check",
        path=r"^(Local|Lab|Dev|Research)/[A-Za-z0-9/-]+",
        reason=(
            "A year is kept in prod; here logs are gone with what wrote them. Left: what happened longer ago than the "
            "environment's retention cannot be looked up."
        ),
    ),
    Acknowledgement(
        finding=r"CfnGuard-ecr_private_lifecycle_policy_configured_check",
        path=r"/(Images|Charts)[a-z0-9]+",
        reason=(
            "Clusters pull by digest for as long as they live: what expires would be missing when a node is replaced. "
            "Left: a few old images that bill by the gigabyte."
        ),
    ),
    Acknowledgement(
        finding=r"CfnGuard-iam_managed_policy_no_statements_with_full_access_check",
        path=r"^Delivery-[A-Za-z0-9]+/ExecutionPolicy",
        reason=(
            "CloudFormation makes and deletes every kind of resource of these services with it, in place of "
            "AdministratorAccess. Left: who may merge may change any resource of these services in the account."
        ),
    ),
    Acknowledgement(
        finding=r"CfnGuard-iam_managed_policy_no_statements_with_full_access_check",
        path=r"/BoundaryPolicy",
        reason=(
            "A permission boundary allows nothing by itself: it is the list of services that roles may be granted. "
            "Left: what a role is granted in these services is held by its own policy and the boundary's denials alone."
        ),
    ),
    Acknowledgement(
        finding=r"CfnGuard-lambda_inside_vpc_check",
        path=r"/GovernanceFunction",
        reason=(
            "It calls one API of SageMaker and has no way to data; in the network it would need an address and reach "
            "the same endpoint. Left: its calls cross AWS's network and not the environment's."
        ),
    ),
    Acknowledgement(
        finding=r"CfnGuard-rds_db_parameter_group_tls_check",
        path=r"/ClusterDatabaseParameterGroup",
        reason=(
            "The rule knows rds.force_ssl, which is PostgreSQL's; MariaDB's require_secure_transport stands in the "
            "group. Left: nothing beyond."
        ),
    ),
    Acknowledgement(
        finding=r"CfnGuard-rds_instance_(enhanced_monitoring|iam_authentication|logging)_enabled_check",
        path=r"/ClusterDatabase",
        reason=(
            "slurmdbd signs in with a password out of Secrets Manager and knows no token; accounting is no load that "
            "wants seconds, and its slow queries hold names of jobs. Left: the password works for whoever has it and "
            "reaches the group of the controller."
        ),
    ),
    Acknowledgement(
        finding=r"CfnGuard-s3_bucket_(default_encryption_kms|logging_enabled|versioning_enabled)_check",
        path=r"/StorageAccessLogs",
        reason=(
            "S3 delivers access logs only to buckets under its own keys, and a log of the log would log itself. Left: "
            "who may delete from this bucket can hide what was read."
        ),
    ),
    Acknowledgement(
        finding=r"CfnGuard-s3_bucket_object_lock_enabled_check",
        path=r"/Storage(AccessLogs|Artifacts|Checkpoints|Data)",
        reason=(
            "Checkpoints are pruned and data sets replaced every day, and versions are kept for as long as the "
            "environment says. Left: who may delete versions can lose data for good, before that time is over."
        ),
    ),
    Acknowledgement(
        finding=r"CfnGuard-s3_event_notifications_enabled_check",
        path=r"/Storage(AccessLogs|Artifacts|Checkpoints|Data)",
        reason="Nothing is started by an object. Left: nobody is told of a write; the access logs say it later.",
    ),
    Acknowledgement(
        finding=r"CfnGuard-kms_create_grant_aws_service_check",
        path=r"/[A-Za-z0-9-]*Key[A-Za-z0-9]*",
        reason=(
            "Roles are granted kms:CreateGrant only with kms:GrantIsForAWSResource or kms:ViaService; the review of "
            "policies refuses it without (AnyGrantee). A denial in the key itself would hold services too whose grants "
            "do not say whom they are for, as EKS's. Left: administrators of the account can grant a key to anybody."
        ),
    ),
)
