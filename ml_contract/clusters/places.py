"""Where HyperPod and the lifecycle scripts put things.

Sources, read 2026-11-22: "Customizing SageMaker HyperPod clusters using lifecycle scripts" and "SageMaker HyperPod
cluster resources monitoring" (logs of lifecycle scripts), SageMaker AI Developer Guide; on_create.sh and
lifecycle_script.py of awslabs/awsome-distributed-training, commit 0edaf15, for paths that the guide leaves out.
"""

from __future__ import annotations

RESOURCE_CONFIG = "/opt/ml/config/resource_config.json"
"""HyperPod writes it on each node before any script runs."""
RESOURCE_CONFIG_VARIABLE = "SAGEMAKER_RESOURCE_CONFIG_PATH"
"""Environment variable that names it where it lies elsewhere."""
PROVISIONING_PARAMETERS = "provisioning_parameters.json"
"""Beside the entry: the older way to say which group is what."""
LIFECYCLE_CONFIGURATION = "lifecycle.json"
"""Beside the entry: everything that the scripts are told."""
ENTRY = "on_create.sh"
"""LifeCycleConfig.OnCreate, and OnInitComplete alike."""

LOG_FOLDER = "/var/log/provision"
LOG_FILE = f"{LOG_FOLDER}/lifecycle.log"
"""The same lines as on standard output, which HyperPod sends to CloudWatch."""
STATE_FOLDER = "/var/lib/trainyard/lifecycle"
"""Markers of steps that are done; ``done`` when all are. Gone with the root volume, so a replaced node starts anew."""
DONE = f"{STATE_FOLDER}/done"
INSTALLED = "/opt/trainyard/lifecycle"
"""What outlives the scripts: hooks of Slurm and of PAM."""
SLURM_FOLDER = "/opt/slurm"
"""Where HyperPod's image has Slurm; its configuration is in ``etc`` below."""


def log_group(cluster_name: str, cluster_id: str) -> str:
    """Log group of a cluster's scripts.

    Args:
        cluster_name: Name of the cluster.
        cluster_id: Last part of its ARN.
    """
    return f"/aws/sagemaker/Clusters/{cluster_name}/{cluster_id}"


def log_stream(group: str, instance_id: str) -> str:
    """Log stream of one node's scripts, ``instance_id`` like ``i-0123456789abcdef0``."""
    return f"LifecycleConfig/{group}/{instance_id}"
