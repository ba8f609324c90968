"""Access of pipelines, endpoints, deployments and people that is wider than a review would have it."""

from __future__ import annotations

from stacks.acknowledgements.acknowledgement import Acknowledgement

_CONTAINERS = r"/(Jobs|Endpoint|Monitors|Optimized)/Role/DefaultPolicy/Resource"
_PIPELINE = r"/Pipeline/Role/DefaultPolicy/Resource"
_MACHINE = r"/Machine/Resource/Role/DefaultPolicy/Resource"
_PEOPLE = r"/Runs/Users/Resource"

ACCESS = (
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
)
