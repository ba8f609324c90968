"""What a team's members may do with kinds that EKS's access policies do not know: HyperPod's and Kueue's.

The roles of HyperPod's chart give Kubeflow's PyTorchJob, and secrets, and not the kind of HyperPod's own operator.

Sources, read 2026-11-22: "Using RBAC Authorization", Kubernetes; aws/sagemaker-hyperpod-cli at 011ca92,
charts/team-role-and-bindings.
"""

from __future__ import annotations

from constructs_lib.hyperpod.eks.access import team_group
from constructs_lib.hyperpod.eks.manifest import Manifest, check

_API = "rbac.authorization.k8s.io"
_READ = ["get", "list", "watch"]
_WRITE = [*_READ, "create", "update", "patch", "delete"]
NAME = "trainyard-team"


def team_role(namespace: str) -> list[Manifest]:
    """A role in a team's namespace and its binding to the team's group: jobs, endpoints, and where they stand in line.

    Args:
        namespace: The namespace, for example ``hyperpod-ns-vision``.
    """
    place = {"name": NAME, "namespace": namespace}
    role = {
        "apiVersion": f"{_API}/v1",
        "kind": "Role",
        "metadata": place,
        "rules": [
            {"apiGroups": ["sagemaker.amazonaws.com"], "resources": ["hyperpodpytorchjobs"], "verbs": _WRITE},
            {
                "apiGroups": ["inference.sagemaker.aws.amazon.com"],
                "resources": ["inferenceendpointconfigs", "jumpstartmodels"],
                "verbs": _WRITE,
            },
            {"apiGroups": ["kueue.x-k8s.io"], "resources": ["workloads", "localqueues"], "verbs": _READ},
        ],
    }
    binding = {
        "apiVersion": f"{_API}/v1",
        "kind": "RoleBinding",
        "metadata": place,
        "subjects": [{"kind": "Group", "name": team_group(namespace), "apiGroup": _API}],
        "roleRef": {"kind": "Role", "name": NAME, "apiGroup": _API},
    }
    return [check(role), check(binding)]
