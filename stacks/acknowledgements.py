"""Findings of cdk-nag and of the review of policies that are accepted, each with the risk that is left."""

from __future__ import annotations

import re
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Acknowledgement:
    """A finding that is accepted in one place."""

    finding: str
    """Regular expression for the whole id of the finding, which names what it found."""
    path: str
    """Regular expression for the end of the resource's path."""
    reason: str
    """Why it must be so, and what is left to fear."""


_CONTAINERS = r"/(Jobs|Endpoint|Monitors|Optimized)/Role/DefaultPolicy/Resource"
_PIPELINE = r"/Pipeline/Role/DefaultPolicy/Resource"
_MACHINE = r"/Machine/Resource/Role/DefaultPolicy/Resource"
_PEOPLE = r"/Runs/Users/Resource"
_NODES = r"/Cluster/[A-Za-z0-9-]+/Role/DefaultPolicy/Resource"
_PODS = r"/(Pods-[a-z0-9-]+|AddOns/[a-z0-9-]+)/Role/DefaultPolicy/Resource"

ACKNOWLEDGEMENTS = (
    Acknowledgement(
        finding=r"AnySource\[sagemaker\.amazonaws\.com\]",
        path=r"/Cluster[a-z0-9]+Role",
        reason=(
            "HyperPod's own trust policy knows no source account: the agents on its instances get their credentials by "
            "it too. Left: SageMaker could be led to take the role for somebody else's cluster, who would have to be "
            "let pass it, which nobody outside of the account is."
        ),
    ),
    Acknowledgement(
        finding=r"AnySource\[lambda\.amazonaws\.com\]",
        path=r"/GovernanceFunctionRole",
        reason=(
            "Lambda names no source when it takes the role of a function, and takes only roles of the function's own "
            "account. Left: whoever may pass this role to a function of theirs, in this account."
        ),
    ),
    Acknowledgement(
        finding=r"AwsSolutions-IAM5\[Resource::\*\]",
        path=_CONTAINERS,
        reason=(
            "ecr:GetAuthorizationToken, cloudwatch:PutMetricData and ec2:Describe* know no resource; metrics are "
            "limited to SageMaker's namespaces. Left: containers can read the shape of the account's networks, and "
            "take the permission to attach from an interface."
        ),
    ),
    Acknowledgement(
        finding=r"AwsSolutions-IAM5\[Resource::arn:[^{}]*:network-interface/\*\]",
        path=_CONTAINERS,
        reason=(
            "SageMaker makes the interfaces of its containers, and their ids are unknown before. Creation is limited "
            "to this network's subnets and group, deletion to its subnets. Left: the interface of another job there."
        ),
    ),
    Acknowledgement(
        finding=r"AwsSolutions-IAM5\[Resource::arn:[^{}]*:log-group:/aws/sagemaker/"
        r"(TrainingJobs|ProcessingJobs|OptimizationJobs|(Endpoints|InferenceComponents)/[A-Za-z0-9-]+)(:\*)?\]",
        path=_CONTAINERS,
        reason=(
            "SageMaker writes the streams of all jobs into shared groups, and names those of endpoints itself. "
            "Left: a job may write into the log of another."
        ),
    ),
    Acknowledgement(
        finding=r"AwsSolutions-IAM5\[Resource::\{\"Fn::GetStackOutput\".*\}/[a-z-]+(/[A-Za-z0-9._-]+)*/\*\]",
        path=rf"(/(Jobs|Endpoint|Monitors|Optimized|Pipeline|Mlflow/App)/Role/DefaultPolicy/Resource|{_PEOPLE})",
        reason=(
            "Objects below one prefix of one bucket, whose names executions and people make. Left: an execution can "
            "reach the objects of another one of the same pipeline, and an ad-hoc run those of another person's."
        ),
    ),
    Acknowledgement(
        finding=r"AwsSolutions-IAM5\[Resource::arn:[^{}]*:(training|processing)-job/pipelines-\*\]",
        path=_PIPELINE,
        reason=(
            "SageMaker names the jobs of a pipeline pipelines-<execution>-<step>. Left: this pipeline can stop the job "
            "of another one in the account."
        ),
    ),
    Acknowledgement(
        finding=r"AwsSolutions-IAM5\[Resource::arn:[^{}]*:model-package/[a-z0-9-]+/\*\]",
        path=_PIPELINE,
        reason="Versions of this pipeline's own group get their number when they are registered. Left: nothing beyond.",
    ),
    Acknowledgement(
        finding=r"AwsSolutions-IAM5\[Resource::\*\]",
        path=_MACHINE,
        reason=(
            "The log service's delivery actions and X-Ray's know no resource. Left: the machine can read which log "
            "deliveries the account has, and write traces of others."
        ),
    ),
    Acknowledgement(
        finding=r"AwsSolutions-IAM5\[Resource::arn:[^{}]*:model-package/[a-z0-9-]+/\*\]",
        path=_MACHINE,
        reason="Reads versions of one group, which get their number when they are registered. Left: nothing beyond.",
    ),
    Acknowledgement(
        finding=r"AwsSolutions-IAM5\[Resource::\*\]",
        path=_NODES,
        reason=(
            "ecr:GetAuthorizationToken, ec2:Describe*, fsx:DescribeFileSystems, the agent's session channels and "
            "cloudwatch:PutMetricData know no resource; metrics are limited to the cluster's namespaces. Left: nodes "
            "can read the shape of the account's networks and file systems."
        ),
    ),
    Acknowledgement(
        finding=r"AwsSolutions-IAM5\[Resource::arn:[^{}]*:(network-interface/\*|ec2:[a-z0-9-]+:\*:instance/\*)\]",
        path=_NODES,
        reason=(
            "HyperPod makes the interfaces of its instances, which are in an account of its own; the ids of both are "
            "unknown before. Creation is limited to this cluster's subnet and group. Left: the interface of another "
            "cluster there."
        ),
    ),
    Acknowledgement(
        finding=r"AwsSolutions-IAM5\[Resource::arn:[^{}]*:log-group:/aws/sagemaker/Clusters/[A-Za-z0-9-]+/\*\]",
        path=_NODES,
        reason="HyperPod puts the cluster's id behind its name in the group of its logs. Left: nothing beyond.",
    ),
    Acknowledgement(
        finding=r"AwsSolutions-IAM5\[Resource::arn:[^{}]*:s3:::[a-z0-9-]+/lifecycle/[0-9a-f]{64}/\*\]",
        path=_NODES,
        reason="The scripts of this cluster below the hash of their contents. Left: nothing beyond.",
    ),
    Acknowledgement(
        finding=r"AwsSolutions-IAM5\[Resource::arn:[^{}]*:(ecr:\*:\*:repository/\*|eks:[a-z0-9:-]+:cluster/\*)\]",
        path=_NODES,
        reason=(
            "Images of EKS's add-ons lie in accounts of AWS, which differ by region, and the API of pod identity is "
            "asked before a node knows its cluster. Left: nodes can pull any image that its owner shows them."
        ),
    ),
    Acknowledgement(
        finding=r"AwsSolutions-IAM5\[Resource::\*\]",
        path=_PODS,
        reason=(
            "ecr:GetAuthorizationToken and fsx:DescribeFileSystems know no resource. Left: these pods can read which "
            "file systems the account has."
        ),
    ),
    Acknowledgement(
        finding=(
            r"AwsSolutions-IAM5\[Resource::\{\"Fn::GetStackOutput\".*\}/(clusters/[a-z0-9-]+|datasets)/[a-z0-9/-]+/\*\]"
        ),
        path=rf"({_NODES}|{_PODS})",
        reason="Data and checkpoints of one run. Left: one submission can reach another's checkpoints.",
    ),
    Acknowledgement(
        finding=r"AwsSolutions-IAM4\[Policy::[^\[\]]*:policy/AmazonEKSClusterPolicy\]",
        path=r"/ControlPlane/Role/Resource",
        reason="EKS asks for this policy by name. Left: the control plane can change what it tagged in the network.",
    ),
    Acknowledgement(
        finding=r"AwsSolutions-IAM5\[Resource::arn:[^{}]*:parameter/trainyard/[a-z0-9]+/clusters/[a-z0-9-]+/agents/\*\]",
        path=_NODES,
        reason="The configurations of this cluster's own agents, which hold no secret. Left: nothing beyond.",
    ),
    Acknowledgement(
        finding=r"AwsSolutions-IAM5\[Resource::arn:[^{}]*:log-group:"
        r"(\*|/aws/(sagemaker|lambda|containerinsights)/[A-Za-z0-9/-]+\*)\]",
        path=r"/Pages/Keeper/Machine/Resource/Role/DefaultPolicy/Resource",
        reason=(
            "AWS makes these groups when they are first written to, some with an id in their names, and listing groups "
            "is authorised on all of them. The machine gives days to those that have none. Left: a group of somebody "
            "else's jobs in the account, which he wanted to keep for ever, ends as well."
        ),
    ),
    Acknowledgement(
        finding=r"AwsSolutions-IAM5\[Resource::\*\]",
        path=r"/Grafana/Role/DefaultPolicy/Resource",
        reason="Reading CloudWatch's metrics knows no resource. Left: whoever may look at pages sees all metrics here.",
    ),
    Acknowledgement(
        finding=r"AwsSolutions-IAM5\[Resource::(\*|arn:[^{}]*:compute-quota/\*)\]",
        path=r"/Governance/Function/Role/DefaultPolicy/Resource",
        reason=(
            "Quotas get their ids when they are made; listing them and publishing metrics know no resource. The "
            "function touches what carries its stack's tag. Left: a fault of it could reach another cluster's quotas."
        ),
    ),
    Acknowledgement(
        finding=r"AwsSolutions-SMG4",
        path=r"/Cluster/DatabaseSecret/Resource",
        reason=(
            "HyperPod reads the secret when it is told of it: a password that changed by itself would leave slurmdbd "
            "with the old one. Left: the password lives as long as the database, which only the cluster's nodes reach."
        ),
    ),
    Acknowledgement(
        finding=r"AwsSolutions-IAM5\[(Action|Resource)::[^{}]*\]",
        path=r"/Boundary/Policy/Resource",
        reason=(
            "A boundary grants nothing: it names what roles may be granted at most, and denies what they never do. "
            "Left: a role that is granted too much of these services is stopped by its own review alone."
        ),
    ),
    Acknowledgement(
        finding=r"(EveryAction|EveryResource|PassRole)\[.*\]",
        path=r"/(Boundary|Network)/BoundaryPolicy",
        reason=(
            "A boundary grants nothing: it is the ceiling of other policies, which are reviewed themselves. Left: what "
            "these were granted wrongly within it."
        ),
    ),
    Acknowledgement(
        finding=r"EveryResource\[ec2:DeleteNetworkInterfacePermission\]",
        path=r"RoleDefaultPolicy",
        reason=(
            "SageMaker's examples ask for it on everything: interfaces get their ids when they are made. It only takes "
            "a permission away. Left: a container can take the permission to attach from another job's interface."
        ),
    ),
    Acknowledgement(
        finding=r"EveryResource\[cloudwatch:GetInsightRuleReport\]",
        path=r"/Observability/GrafanaRoleDefaultPolicy",
        reason=(
            "Pages are made after the role, and rules of Contributor Insights with them. Left: whoever may look at "
            "pages sees the reports of all rules here."
        ),
    ),
    Acknowledgement(
        finding=r"(AwsSolutions-IAM5\[(Action|Resource)::[^{}]*\]|(EveryAction|EveryResource|PassRole)\[.*\]|UnknownService\[.*\])",
        path=r"(/Execution/Policy|^Delivery-[A-Za-z0-9]+/ExecutionPolicy)",
        reason=(
            "CloudFormation works with it in place of AdministratorAccess: services of the platform in one region, IAM "
            "below the environment's names alone, nothing of delivery. Left: who may merge may change any resource of "
            "these services in the account."
        ),
    ),
    Acknowledgement(
        finding=r"AwsSolutions-IAM5\[Resource::(\*|arn:[^{}]*:alarm:trainyard-\*)\]",
        path=r"/Operation/Channel-[A-Za-z0-9_-]+/Look/Resource",
        reason=(
            "cloudwatch:GetMetricData knows no resource, and a channel shows the platform's own alarms. Left: who is "
            "in the channel can draw any metric of the account."
        ),
    ),
    Acknowledgement(
        finding=r"AnySource\[events\.amazonaws\.com\]",
        path=r"/(Observability/(AlertsPolicy|Key)|Operation/(Notifications(Key|[A-Z][a-z]+Policy)|Channel\w+ExecutionsPolicy))",
        reason=(
            "CDK lets EventBridge publish so, and AWS's examples for topics carry no condition. Left: a rule of "
            "somebody who knows the topic's ARN could tell a false alarm; nothing can be read by it."
        ),
    ),
    Acknowledgement(
        finding=r"AwsSolutions-IAM5\[Resource::arn:[^{}]*:training-job/adhoc-[a-z0-9]+-\*\]",
        path=_PEOPLE,
        reason=(
            "People name their jobs behind this prefix. Creation is limited to the environment's network, key, role "
            "and instance types. Left: one person can stop the job of another."
        ),
    ),
    Acknowledgement(
        finding=r"AwsSolutions-IAM5\[Resource::arn:[^{}]*:log-group:/aws/sagemaker/TrainingJobs:\*\]",
        path=_PEOPLE,
        reason="SageMaker writes the streams of all jobs into one group. Left: people can read the log of any job.",
    ),
    Acknowledgement(
        finding=r"AwsSolutions-IAM5\[Resource::arn:[^{}]*:parameter/trainyard/[a-z0-9]+/\*\]",
        path=_PEOPLE,
        reason="What the environment publishes, which holds no secret, now and later. Left: nothing beyond.",
    ),
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


def reason_for(finding: str, path: str) -> str | None:
    """The reason why ``finding`` is accepted at ``path``, or ``None`` where it is not."""
    for entry in ACKNOWLEDGEMENTS:
        if re.fullmatch(entry.finding, finding) and re.search(entry.path + "$", path):
            return entry.reason
    return None
