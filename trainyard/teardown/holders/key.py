"""Keys of KMS."""

from __future__ import annotations

from trainyard.teardown.bills import Tariff
from trainyard.teardown.holders.base import Contents, Holder, Say, plain_name
from trainyard.teardown.looking import Look

WAITING_DAYS = 30
"""Days in which a deletion can be taken back, the most there are: 7 to 30. A key that waits bills nothing
(ScheduleKeyDeletion, KMS API reference; AWS KMS pricing; read 2026-11-22)."""
_GONE = ("NotFoundException",)


class Key(Holder):
    """What is encrypted under it can never be read again, backups and copies included."""

    type = "AWS::KMS::Key"
    noun = "key"

    def arn(self, identity: str, account: str, region: str) -> str:
        return identity if identity.startswith("arn:") else f"arn:aws:kms:{region}:{account}:key/{identity}"

    def identity(self, arn: str) -> str | None:
        return plain_name("kms", arn, "key/")

    def look(self, look: Look, identity: str, tariff: Tariff) -> Contents | None:
        client = look.client("kms")
        found = look.unless(_GONE, lambda: client.describe_key(KeyId=identity))
        if found is None or found["KeyMetadata"]["KeyState"] in ("PendingDeletion", "PendingReplicaDeletion"):
            return None
        return Contents(says="what is encrypted under it", data=True, bill=tariff.each("kms/key-month"))

    def empty(self, look: Look, identity: str, say: Say) -> None:
        """Nothing is in a key."""

    def delete(self, look: Look, identity: str, say: Say) -> None:
        look.unless(
            (*_GONE, "is pending deletion"),
            lambda: look.client("kms").schedule_key_deletion(KeyId=identity, PendingWindowInDays=WAITING_DAYS),
        )
