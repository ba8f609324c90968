"""Input channels of a training job: copied, mounted, or fed through pipes."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from trainyard.local.jobs.cluster import groups, hosts_of
from trainyard.local.jobs.hosts import BASE, Hosts
from trainyard.local.jobs.pipes import Pipe
from trainyard.local.transfer import Location, Transfer

FILE_SYSTEMS = "file-systems"
"""Folder below the cloud's state whose folders stand for file systems, each under its id."""


def directory(state: Path, source: Mapping[str, str]) -> Path:
    """The folder that stands for a FileSystemDataSource."""
    return state / FILE_SYSTEMS / source["FileSystemId"] / source["DirectoryPath"].strip("/")


class Inputs:
    """The channels of one attempt."""

    def __init__(self, group: Hosts, transfer: Transfer, job: Mapping[str, Any], state: Path) -> None:
        """Prepares it.

        Args:
            group: the job's hosts.
            transfer: transfers with the job's role.
            job: the job's document.
            state: folder of the cloud's state.
        """
        self._group, self._transfer, self._job, self._state = group, transfer, job, state
        self._pipes: list[Pipe] = []

    def provide(self, stopped: Callable[[], bool]) -> None:
        """Brings every channel to the hosts that it is for, until `stopped` says so.

        Raises:
            TransferError: S3 cannot be read.
            OSError: this machine's disk refuses.
        """
        default = self._job["AlgorithmSpecification"]["TrainingInputMode"]
        for channel in self._job.get("InputDataConfig", []):
            self._provide(channel, channel.get("InputMode", default))
            if stopped():
                return

    def start(self, failed: Callable[[str], None]) -> None:
        """Starts to feed the pipes.

        Args:
            failed: told what keeps a pipe from being fed.
        """
        for pipe in self._pipes:
            pipe.start(failed)

    def close(self) -> None:
        """Ends the pipes."""
        for pipe in self._pipes:
            pipe.close()

    def _provide(self, channel: Mapping[str, Any], mode: str) -> None:
        path = f"{BASE}/input/data/{channel['ChannelName']}"
        system = channel["DataSource"].get("FileSystemDataSource")
        if system:
            for host in range(len(self._group.names)):
                folder = directory(self._state, system)
                self._group.mount(host, folder, path, readonly=system["FileSystemAccessMode"] == "ro")
            return
        source = channel["DataSource"]["S3DataSource"]
        hosts = hosts_of(groups(self._job["ResourceConfig"]), source.get("InstanceGroupNames", []))
        sharded = source.get("S3DataDistributionType") == "ShardedByS3Key"
        where, manifest = Location.parse(source["S3Uri"]), source["S3DataType"] == "ManifestFile"
        if mode == "Pipe":
            self._add_pipes(channel, hosts, self._transfer.listing(where, manifest=manifest), sharded=sharded)
            return
        folders = [self._group.inside(host, path) for host in hosts]
        self._transfer.download(where, folders, sharded=sharded, manifest=manifest)
        if mode == "FastFile":
            for host, folder in zip(hosts, folders, strict=True):
                for file in folder.rglob("*"):
                    file.chmod(0o755 if file.is_dir() else 0o444)
                self._group.mount(host, folder, path, readonly=True)

    def _add_pipes(
        self, channel: Mapping[str, Any], hosts: list[int], listing: tuple[str, dict[str, str]], *, sharded: bool
    ) -> None:
        bucket, keys = listing[0], list(listing[1])
        seed = channel.get("ShuffleConfig", {}).get("Seed")
        for number, host in enumerate(hosts):
            share = keys[number :: len(hosts)] if sharded else keys
            folder = self._group.inside(host, f"{BASE}/input/data")
            self._pipes.append(Pipe(self._transfer, bucket, share, folder / channel["ChannelName"], seed))
