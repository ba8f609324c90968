"""What an operator looks at: dashboards, saved queries of the logs, and how long logs are kept."""

from constructs_lib.pages.dashboard import Dashboard, Narrowed
from constructs_lib.pages.endpoints import endpoint_widgets
from constructs_lib.pages.keeper import LogKeeper
from constructs_lib.pages.queries import SavedQueries
from constructs_lib.pages.training import host_widgets, job_widgets, pipeline_widgets
from constructs_lib.pages.widgets import AlarmStates, Graph, Series, Widget, Words

__all__ = [
    "AlarmStates",
    "Dashboard",
    "Graph",
    "LogKeeper",
    "Narrowed",
    "SavedQueries",
    "Series",
    "Widget",
    "Words",
    "endpoint_widgets",
    "host_widgets",
    "job_widgets",
    "pipeline_widgets",
]
