"""Scripts that run on every instance when it is made, published with the app's assets, one object a file.

HyperPod copies everything below ``SourceS3Uri`` to an instance and runs one file of it. A directory asset would be one
.zip, which it does not unpack; a bucket deployment would need a Lambda; a download at boot would trust the network. So
each file is an asset of its own, and its key is chosen:

    s3://<bucket of assets>/lifecycle/<SHA-256 over all names and contents>/<path in the folder>

The prefix changes exactly when a file does, so an update of the scripts is an update of the cluster, and an older
deployment still finds its own. Files are text or archives, below 64 MiB together; generated ones (resources that are
known at synthesis) stand beside those of the folder. What is known only at deployment cannot be in a file: HyperPod's
own properties carry it (mounts, the accounting database), or a parameter that the script reads.

Sources, read 2026-11-22: ClusterLifeCycleConfig, SageMaker API reference; "Customize SageMaker HyperPod clusters using
lifecycle scripts", SageMaker AI Developer Guide.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from constructs import Construct

from constructs_lib.training.code import files
from ml_contract.errors import reject

Event = Literal["OnCreate", "OnInitComplete"]
LONGEST_ENTRY = 128


class Lifecycle(Construct):
    """Files, published below one prefix, of which one runs."""

    keys: tuple[str, ...]
    """Keys of the published files."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        folder: Path,
        entry: str,
        event: Event,
        generated: Mapping[str, str] | None = None,
    ) -> None:
        """Publish the files.

        Args:
            scope: Parent.
            construct_id: Construct id.
            folder: What is published, without caches and hidden files.
            entry: The file that runs, at the top of ``folder``, as root and with the folder as its place.
            event: ``OnCreate``: it runs instead of what the image would do. ``OnInitComplete``: after the image has
                done its own part. There is one of them.
            generated: Further files: contents by their paths in the folder. None by default.

        Raises:
            ContractError: There is no such entry, or a generated file has the name of one in the folder.
        """
        super().__init__(scope, construct_id)
        self._entry, self._event = entry, event
        contents = {path.relative_to(folder).as_posix(): path.read_bytes() for path in files(folder)}
        for name, text in (generated or {}).items():
            if name in contents:
                reject("generated", name, f"{folder} has a file of that name", "Rename one of them.")
            contents[name] = text.encode()
        if entry not in contents or "/" in entry or len(entry) > LONGEST_ENTRY:
            reject("entry", entry, f"it is a file at the top of {folder}", f"There are {', '.join(sorted(contents))}.")
        digest = hashlib.sha256()
        for name, content in sorted(contents.items()):
            digest.update(f"{name}\0{len(content)}\0".encode() + content)
        self.prefix = f"lifecycle/{digest.hexdigest()}"
        self._publish(contents)

    def _publish(self, contents: Mapping[str, bytes]) -> None:
        stack, stage = cdk.Stack.of(self), cdk.Stage.of(self)
        assert stage is not None
        folder = Path(stage.asset_outdir) / self.prefix.replace("/", "-")
        folder.mkdir(exist_ok=True)
        keys = []
        for number, (name, content) in enumerate(sorted(contents.items())):
            path = folder / str(number)
            path.write_bytes(content)
            # The synthesiser names the object by this "hash" and the extension of the staged file, which has none.
            location = stack.synthesizer.add_file_asset(
                source_hash=f"{self.prefix}/{name}",
                file_name=os.path.relpath(path, stage.outdir),
                packaging=cdk.FileAssetPackaging.FILE,
                display_name=name,
            )
            keys.append(location.object_key)
        self.bucket, self.keys = location.bucket_name, tuple(keys)
        # A stack's synthesiser may put a prefix of its own before all keys.
        self._uri_prefix = location.object_key.removesuffix(f"/{name}")

    @property
    def uri(self) -> str:
        """What HyperPod copies, ``s3://bucket/prefix``."""
        return f"s3://{self.bucket}/{self._uri_prefix}"

    def render(self) -> dict[str, str]:
        """LifeCycleConfig, by the names of CDK."""
        return {"sourceS3Uri": self.uri, "onCreate" if self._event == "OnCreate" else "onInitComplete": self._entry}

    def grant_read(self, role: iam.IRole) -> None:
        """Let ``role`` read these files of the bucket of assets, and list the names in it.

        A condition on the prefix would refuse whoever asks first whether the bucket is there.
        """
        bucket = f"arn:{cdk.Stack.of(self).partition}:s3:::{self.bucket}"
        role.add_to_principal_policy(iam.PolicyStatement(actions=["s3:ListBucket"], resources=[bucket]))
        role.add_to_principal_policy(
            iam.PolicyStatement(actions=["s3:GetObject"], resources=[f"{bucket}/{self._uri_prefix}/*"])
        )
