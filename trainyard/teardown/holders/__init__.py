"""What holds data, one class a kind."""

from trainyard.teardown.holders import bucket, databases, files, key, log_group, orchestrators, registry
from trainyard.teardown.holders.base import Contents as Contents
from trainyard.teardown.holders.base import Holder as Holder
from trainyard.teardown.holders.base import Say as Say

__all__ = ["Contents", "Holder", "Say", "bucket", "databases", "files", "key", "log_group", "orchestrators", "registry"]
