"""Places in S3 that a pipeline's definition names."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from trainyard.policies.pipeline_jobs import PipelineJobs

_HASH = re.compile(r"[0-9a-f]{8}$")


@dataclass(frozen=True, kw_only=True)
class Place:
    """The fixed part of a URI: what an execution or a step adds is left out."""

    bucket: str
    prefix: str

    @property
    def uri(self) -> str:
        """For example ``s3://bucket/runs/bytes-lm``."""
        return f"s3://{self.bucket}/{self.prefix}"

    @property
    def arn(self) -> str:
        """ARN of the prefix, as if it were an object."""
        return f"arn:aws:s3:::{self.bucket}/{self.prefix}"

    @property
    def short(self) -> str:
        """The bucket's construct and the prefix."""
        return f"{_HASH.sub('', self.bucket.rpartition('-')[2]).removeprefix('storage')}/{self.prefix}"

    def below(self, other: Place) -> bool:
        """Whether it is ``other`` or lies below."""
        return self.bucket == other.bucket and f"{self.prefix}/".startswith(f"{other.prefix}/")


def places(pipeline: PipelineJobs) -> list[Place]:
    """Places of the pipeline's jobs, each once; code, which is one object and not a place, excepted."""
    found: dict[str, Place] = {}
    for text in _texts(pipeline.requests):
        if not text.startswith("s3://"):
            continue
        bucket, _, path = text.removeprefix("s3://").partition("/")
        fixed = path.partition("<")[0].rstrip("/")
        if fixed and not bucket.startswith("cdk-"):
            found[f"{bucket}/{fixed}"] = Place(bucket=bucket, prefix=fixed)
    return list(found.values())


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for each in value.values():
            yield from _texts(each)
    elif isinstance(value, list):
        for each in value:
            yield from _texts(each)
