"""A place in S3."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlsplit


@dataclass(frozen=True, kw_only=True)
class Location:
    """A place in S3."""

    bucket: str
    """Name of the bucket."""
    key: str
    """Key or key prefix, without a leading slash."""

    @classmethod
    def parse(cls, uri: str) -> Location:
        """Reads s3://bucket/key."""
        parts = urlsplit(uri, allow_fragments=False)
        assert parts.scheme == "s3", uri
        key = parts.path.lstrip("/") + (f"?{parts.query}" if parts.query else "")
        return cls(bucket=parts.netloc, key=key)

    def __truediv__(self, name: str) -> Location:
        return Location(bucket=self.bucket, key=f"{self.key.rstrip('/')}/{name}".lstrip("/"))

    def folder(self) -> Location:
        """The same with a slash at the end, so that only what is below it has this prefix."""
        key = self.key.rstrip("/")
        return Location(bucket=self.bucket, key=f"{key}/" if key else "")

    def __str__(self) -> str:
        return f"s3://{self.bucket}/{self.key}"
