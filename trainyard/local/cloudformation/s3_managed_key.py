"""Objects under `aws:kms` without a key: S3 takes the account's own `aws/s3` key, the emulator refuses them.

The bootstrap bucket's encryption names no key, so the CDK CLI publishes its assets like this. Whoever may write to the
bucket may use that key: its policy allows every principal of the account through S3.
Source: Amazon S3 User Guide, "Specifying server-side encryption with AWS KMS", 2026-11.
"""

import functools
from collections.abc import Callable, Mapping
from typing import Any

from ministack.services import s3

_ALGORITHM = "x-amz-server-side-encryption"
_KEY = f"{_ALGORITHM}-aws-kms-key-id"
_CUSTOMER = f"{_ALGORITHM}-customer-algorithm"

Resolved = tuple[dict[str, str] | None, Any]


def _with_managed_key(original: Callable[..., Resolved]) -> Callable[..., Resolved]:
    @functools.wraps(original)
    def resolve(headers: Mapping[str, str], bucket: str) -> Resolved:
        managed = headers.get(_ALGORITHM) == "aws:kms" and not headers.get(_KEY) and not headers.get(_CUSTOMER)
        return ({_ALGORITHM: "aws:kms"}, None) if managed else original(headers, bucket)

    return resolve


def install() -> None:
    """Lets S3 write such objects."""
    s3._resolve_sse_write_headers = _with_managed_key(s3._resolve_sse_write_headers)
