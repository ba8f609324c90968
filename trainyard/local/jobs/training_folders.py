"""Folders of a training job's hosts whose content outlives the hosts."""

from __future__ import annotations

from trainyard.local.api.service import Context
from trainyard.local.api.store import Document
from trainyard.local.jobs import warm_pools
from trainyard.local.jobs.folder_sync import FolderSync
from trainyard.local.jobs.hosts import BASE, Hosts
from trainyard.local.transfer import Location, Transfer


def keep_warm(context: Context, job: Document, group: Hosts) -> None:
    """Give the hosts what a warm pool keeps from job to job."""
    if "_WarmPool" not in job:
        return
    pool = warm_pools.WarmPools(context.store, context.state).folder(job)
    for host in range(len(group.names)):
        folder = pool / f"algo-{host + 1}"
        folder.mkdir(parents=True, exist_ok=True)
        group.mount(host, folder, warm_pools.CACHE, readonly=False)


def follow(job: Document, group: Hosts, transfer: Transfer) -> tuple[FolderSync | None, FolderSync | None]:
    """What follows the folders of checkpoints and of TensorBoard into S3; None for what the job does not ask for."""
    name = job["TrainingJobName"]

    def sync(what: str, path: str, target: Location) -> FolderSync:
        folders = [group.inside(host, path) for host in range(len(group.names))]
        return FolderSync(what, transfer, folders, target, name)

    checkpoints = tensorboard = None
    if config := job.get("CheckpointConfig"):
        checkpoints = sync(
            "Checkpoint", config.get("LocalPath", f"{BASE}/checkpoints"), Location.parse(config["S3Uri"])
        )
    if config := job.get("TensorBoardOutputConfig"):
        target = Location.parse(config["S3OutputPath"]) / name / "tensorboard-output"
        tensorboard = sync("TensorBoard", config.get("LocalPath", f"{BASE}/output/tensorboard"), target)
    return checkpoints, tensorboard
