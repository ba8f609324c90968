"""A published job, given to the scheduler of its cluster."""

from __future__ import annotations

import base64
import json
import re
import secrets
import shlex
import shutil
import subprocess
from dataclasses import dataclass
from urllib.parse import urlsplit

from ml_contract.clusters.jobs import RUN, PublishedJob, parameter
from trainyard.operations import clusters
from trainyard.operations.connection import Connection, OperationError

_ROOT = "/trainyard/"
_RUN = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]*")
_SECONDS = 60.0
_ORDER = ("Login", "Controller")
"""Where a job is submitted: on a login node, or on the controller where there is none."""


@dataclass(frozen=True, kw_only=True)
class Submission:
    """What became of a job."""

    job: str
    """Its name."""
    number: str
    """The scheduler's number of it; empty where only the manifest was made."""
    node: str
    """The node where it was submitted; empty likewise."""
    run: str
    """Folder of its checkpoints, below the job's: a later submission goes on from it by that name."""
    manifest: str = ""
    """The manifest, for kubectl; empty on Slurm."""


def find(connection: Connection, cluster: str, job: str) -> PublishedJob:
    """A job that a cluster's stack has published, in whichever environment.

    Raises:
        OperationError: There is none of that name, or several environments have one.
    """
    # The name of an environment is any: what is asked for is its place among the others.
    end = parameter("*", cluster, job).partition("*")[2]
    pages = connection.client("ssm").get_paginator("get_parameters_by_path").paginate(Path=_ROOT, Recursive=True)
    rows = {row["Name"]: row["Value"] for page in pages for row in page["Parameters"]}
    found = [name for name in rows if name.endswith(end)]
    if len(found) > 1:
        raise OperationError(f"several environments publish {job} for {cluster}: {', '.join(found)}")
    if not found:
        others = sorted(name.rpartition("/")[2] for name in rows if f"/clusters/{cluster}/jobs/" in name)
        raise OperationError(f"{cluster} has no job {job!r}. It has {', '.join(others) or 'none'}")
    return PublishedJob.load(rows[found[0]])


def submit(connection: Connection, cluster: str, job: str, *, run: str | None = None) -> Submission:
    """Give a job to its cluster's scheduler.

    Args:
        connection: Where the cluster is.
        cluster: Its name.
        job: The job's name.
        run: Folder of an earlier submission's checkpoints, to go on from; a new one by default.

    Raises:
        OperationError: The job or a node to submit it on is missing, or the scheduler refuses it.
    """
    if run is not None and not _RUN.fullmatch(run):
        raise OperationError(f"--run: got {run!r}, but it names a folder: letters, digits and ._-, a dot never first")
    found = clusters.describe(connection, cluster)
    published = find(connection, cluster, job)
    place = urlsplit(published.text)
    body = connection.client("s3").get_object(Bucket=place.netloc, Key=place.path.lstrip("/"))["Body"].read()
    # Of its own name: a controller that was replaced counts from 1 again, and a number's folder may hold another's.
    folder = run or f"{job}-{secrets.token_hex(4)}"
    variables = {**published.variables, RUN: folder}
    if published.kind == "kubernetes":
        if connection.cloud is not None:
            raise OperationError("no Kubernetes runs on the embedded cloud: its nodes run their lifecycle alone")
        manifest = body.decode()
        for name, value in variables.items():
            manifest = manifest.replace(f"${{{name}}}", value)
        return Submission(job=job, number="", node="", run=folder, manifest=manifest)
    node = _door(connection, found)
    answer = _run(connection, found, node, _sbatch(body, variables))
    number = answer.strip().rpartition("\n")[2].partition(";")[0]
    if not number.isdigit():
        raise OperationError(f"sbatch on {node.id} gave no number: {' '.join(answer.split()) or 'it said nothing'}")
    return Submission(job=job, number=number, node=node.id, run=folder)


def _sbatch(text: bytes, variables: dict[str, str]) -> str:
    """A line of shell that submits a script: text and variables in one word each, so that nothing is read twice."""
    exports = "".join(f"export {name}={shlex.quote(value)}; " for name, value in sorted(variables.items()))
    encoded = base64.b64encode(text).decode()
    return (
        "PATH=/opt/slurm/bin:$PATH; file=$(mktemp) || exit; trap 'rm -f \"$file\"' EXIT; "
        f'{exports}echo {encoded} | base64 -d >"$file" && cd / && '
        # Slurm makes no folder for a log: the job would fail without a word.
        'log=$(sed -n "s|^#SBATCH --output=||p" "$file") && mkdir -p "$(dirname "${log:-/}")" && '
        'sbatch --parsable "$file"'
    )


def _door(connection: Connection, cluster: clusters.Cluster) -> clusters.Node:
    kinds = {group.name: group.node_type for group in cluster.groups}
    if cluster.orchestrator != "Slurm":
        raise OperationError(
            f"{cluster.name} has no Slurm of its own: Orchestrator is {cluster.orchestrator or 'not set'}"
        )
    running = [node for node in clusters.nodes(connection, cluster.name) if node.status == "Running"]
    for kind in _ORDER:
        for node in running:
            if kinds.get(node.group) == kind:
                return node
    raise OperationError(f"{cluster.name} has no login or controller node that runs. See `trainyard cluster nodes`")


def _run(connection: Connection, cluster: clusters.Cluster, node: clusters.Node, line: str) -> str:
    """What a line of shell wrote on a node.

    Raises:
        OperationError: It failed, or there is no way to the node.
    """
    if connection.cloud is not None:
        answer = connection.cloud.call(
            "RunNodeCommand", ClusterName=cluster.name, Node=node.id, Command=["bash", "-c", line],
            TimeoutSeconds=_SECONDS,
        )  # fmt: skip
        code, output = answer["ExitCode"], str(answer["Output"])
    else:
        command = session(cluster, node, line)
        for program in ("aws", "session-manager-plugin"):
            if shutil.which(program) is None:
                raise OperationError(
                    f"{program} is not on this machine. Install it, or run elsewhere: {shlex.join(command)}"
                )
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=10 * _SECONDS)
        # The plug-in writes its own lines around the program's.
        said = [
            text
            for text in done.stdout.splitlines()
            if text.strip() and not text.startswith(("Starting session", "Exiting session"))
        ]
        code, output = done.returncode, "\n".join(said) or done.stderr
    if code:
        raise OperationError(f"sbatch on {node.id} failed with exit code {code}: {' '.join(output.split())}")
    return output


def session(cluster: clusters.Cluster, node: clusters.Node, line: str) -> list[str]:
    """The command that runs a line of shell on a node of AWS through Systems Manager.

    Source: "Log in to a HyperPod cluster's nodes" (target) and AWS-StartNonInteractiveCommand (parameter), read
    2026-11-22.
    """
    return [
        "aws", "ssm", "start-session",
        "--target", f"sagemaker-cluster:{cluster.id}_{node.group}-{node.id}",
        "--document-name", "AWS-StartNonInteractiveCommand",
        "--parameters", json.dumps({"command": [f"bash -c {shlex.quote(line)}"]}),
    ]  # fmt: skip
