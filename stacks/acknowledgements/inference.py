"""What serves models on nodes of a cluster, and the bucket of its certificates."""

from __future__ import annotations

from stacks.acknowledgements.acknowledgement import Acknowledgement

_OPERATOR = r"/Inference/Issuer/Operator/DefaultPolicy/Resource"
_BALANCERS = r"/Inference/Issuer/LoadBalancers/DefaultPolicy/Resource"

INFERENCE = (
    Acknowledgement(
        finding=r"AnySource\[sagemaker\.amazonaws\.com\]",
        path=r"/AddOnsInferenceIssuerOperator",
        reason=(
            "The inference operator hands its role to SageMaker, in whose own trust policy for it no source account "
            "stands. Left: SageMaker could be led to take the role for somebody else's endpoint, who would have to be "
            "let pass it, which nobody outside of the account is."
        ),
    ),
    Acknowledgement(
        finding=r"AwsSolutions-IAM5\[Resource::\*\]",
        path=r"/Inference/Issuer/(Operator|LoadBalancers|Scaling)/DefaultPolicy/Resource",
        reason=(
            "Looking at networks, load balancers, certificates by name, file systems and metrics, and publishing "
            "metrics, know no resource; metrics are limited to the operator's namespace. Left: these pods can read the "
            "shape of the account's networks and all of its metrics."
        ),
    ),
    Acknowledgement(
        finding=r"AwsSolutions-IAM5\[Resource::arn:[^{}]*:(network-interface/\*|ecr:\*:\*:repository/\*)\]",
        path=_OPERATOR,
        reason=(
            "Interfaces get their ids when they are made, in this network's subnets alone; images of AWS's servers lie "
            "in its own accounts, which differ by region. Left: any image that its owner shows the operator."
        ),
    ),
    Acknowledgement(
        finding=r"AwsSolutions-IAM5\[Resource::<AddOnsInferenceCertificates[0-9A-F]+\.Arn>/\*\]",
        path=_OPERATOR,
        reason="The bucket is the operator's own. Left: nothing beyond.",
    ),
    Acknowledgement(
        finding=r"AwsSolutions-IAM5\[Resource::arn:[^{}]*:(certificate|endpoint|endpoint-config|model)/\*\]",
        path=_OPERATOR,
        reason=(
            "What it makes gets its id when it is made; it makes, changes and deletes what carries its tag. Left: what "
            "another cluster's operator made, and reading names and settings of all endpoints here."
        ),
    ),
    Acknowledgement(
        finding=r"AwsSolutions-IAM5\[Resource::arn:[^{}]*:aws:hub(-content)?/\*\]",
        path=_OPERATOR,
        reason="JumpStart's hub, which everybody may read. Left: nothing.",
    ),
    Acknowledgement(
        finding=r"AwsSolutions-IAM5\[Resource::arn:.*:access-entry/.*/\*\]",
        path=_OPERATOR,
        reason="Entries of this control plane, for AWS's own policy of monitoring alone. Left: nothing beyond.",
    ),
    Acknowledgement(
        finding=r"AwsSolutions-IAM5\[Resource::arn:[^{}]*:log-group:/aws/sagemaker/\*\]",
        path=_OPERATOR,
        reason="AWS does not say which groups it writes. Left: false lines in the logs of other jobs and endpoints.",
    ),
    Acknowledgement(
        finding=(
            r"AwsSolutions-IAM5\[Resource::arn:[^{}]*:"
            r"(certificate/\*|security-group/\*|elasticloadbalancing:[a-z0-9-]+:\d+:\*)\]"
        ),
        path=_BALANCERS,
        reason=(
            "Ids are known when they are made; the controller changes what carries the tag of its cluster, and a rule "
            "of the nodes' own group. Left: reading the account's certificates, without their keys."
        ),
    ),
    Acknowledgement(
        finding=r"AwsSolutions-IAM5\[Resource::\{\"Fn::GetStackOutput\".*\}/[a-z0-9/-]+/\*\]",
        path=r"/AddOns/aws-mountpoint-s3-csi-driver-0/Role/DefaultPolicy/Resource",
        reason="Weights of served models. Left: whoever may make an endpoint in the cluster reads all of them.",
    ),
    Acknowledgement(
        finding=r"AwsSolutions-S1",
        path=r"/AddOns/Inference/Certificates/Resource",
        reason=(
            "Logs of access go to the storage's stack, which may not look at this one, and there are public halves of "
            "certificates here alone. Left: nobody says later who read or replaced one; versions are kept for 30 days."
        ),
    ),
    Acknowledgement(
        finding=r"CfnGuard-s3_(bucket_logging_enabled|event_notifications_enabled|bucket_object_lock_enabled)_check",
        path=r"/AddOnsInferenceCertificates",
        reason=(
            "Public halves of certificates, which the operator replaces and deletes. Left: who may write here can give "
            "clients a certificate of their own to trust, and only a version of 30 days shows it."
        ),
    ),
)
