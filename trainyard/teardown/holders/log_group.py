"""Log groups of CloudWatch."""

from __future__ import annotations

from trainyard.teardown.bills import Tariff
from trainyard.teardown.holders.base import Contents, Holder, Say, plain_name, size
from trainyard.teardown.looking import Look

_GONE = ("ResourceNotFoundException",)


class LogGroup(Holder):
    """What was written about work."""

    type = "AWS::Logs::LogGroup"
    noun = "log group"
    record = True

    def arn(self, identity: str, account: str, region: str) -> str:
        return f"arn:aws:logs:{region}:{account}:log-group:{identity}"

    def identity(self, arn: str) -> str | None:
        found = plain_name("logs", arn, "log-group:")
        return found.removesuffix(":*") if found else None

    def look(self, look: Look, identity: str, tariff: Tariff) -> Contents | None:
        found = [each for each in look.all("logs", "describe_log_groups", "logGroups", logGroupNamePrefix=identity)
                 if each["logGroupName"] == identity]  # fmt: skip
        if not found:
            return None
        stored = found[0].get("storedBytes", 0)
        days = found[0].get("retentionInDays")
        kept = f"kept {days} days" if days else "kept for ever"
        # CloudWatch counts what is stored some hours late: a group with a stream is not empty whatever its size.
        streams = next(look.all("logs", "describe_log_streams", "logStreams", logGroupName=identity, limit=1), None)
        return Contents(
            says=f"{size(stored)}, {kept}" if streams else "empty",
            data=streams is not None,
            bill=tariff.stored("logs/stored-gb-month", stored),
            key=found[0].get("kmsKeyId"),
        )

    def empty(self, look: Look, identity: str, say: Say) -> None:
        """The deletion takes along what is in it."""

    def delete(self, look: Look, identity: str, say: Say) -> None:
        look.unless(_GONE, lambda: look.client("logs").delete_log_group(logGroupName=identity))
