"""What clusters, their nodes, pods and governance are let do."""

from __future__ import annotations

from stacks.acknowledgements.acknowledgement import Acknowledgement

_NODES = r"/Cluster/[A-Za-z0-9-]+/Role/DefaultPolicy/Resource"
_PODS = r"/(Pods-[a-z0-9-]+|AddOns/[a-z0-9-]+)/Role/DefaultPolicy/Resource"

CLUSTERS = (
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
        finding=r"AwsSolutions-RDS10|CfnGuard-rds_instance_deletion_protection_enabled_check",
        path=r"^(Local|Lab|Dev|Research)/Cluster[a-z0-9-]*/(Cluster/Database/Resource|ClusterDatabase)",
        reason=(
            "An environment that is not protected goes with its stacks, history of jobs too; in prod the database is "
            "protected and stays. Left: whoever may delete this stack deletes the accounting."
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
)
