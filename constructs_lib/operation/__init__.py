"""What people are told of a platform that runs: topics, and the alarms that reach them."""

from constructs_lib.operation.event_log import EventLog
from constructs_lib.operation.notifications import SEVERITIES, Notifications
from constructs_lib.operation.publishing import Publisher, let_publish

__all__ = ["SEVERITIES", "EventLog", "Notifications", "Publisher", "let_publish"]
