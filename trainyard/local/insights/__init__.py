"""Queries of logs in the language of CloudWatch Logs Insights, as far as saved queries of a platform need it."""

from trainyard.local.insights.language import MalformedQuery, Record
from trainyard.local.insights.query import parse

__all__ = ["MalformedQuery", "Record", "parse"]
