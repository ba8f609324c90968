"""What a role moves between S3 and the folders of jobs, servers and nodes."""

from trainyard.local.transfer.errors import TransferError
from trainyard.local.transfer.location import Location
from trainyard.local.transfer.transfer import Transfer

__all__ = ["Location", "Transfer", "TransferError"]
