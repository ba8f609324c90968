"""What looks at captured requests and answers."""

from constructs_lib.serving.monitoring.analysis import BiasAnalysis, Facet, Predictor, ShapAnalysis
from constructs_lib.serving.monitoring.answers import Answers, GroundTruth
from constructs_lib.serving.monitoring.base import Monitor, MonitorResources
from constructs_lib.serving.monitoring.baselines import ClarifyBaseline, DataQualityBaseline, ModelQualityBaseline
from constructs_lib.serving.monitoring.clarify import Bias, Explainability
from constructs_lib.serving.monitoring.monitors import Monitors
from constructs_lib.serving.monitoring.quality import DataQuality, ModelQuality
from constructs_lib.serving.monitoring.schedule import Daily, EveryHours, Hourly

__all__ = [
    "Answers",
    "Bias",
    "BiasAnalysis",
    "ClarifyBaseline",
    "Daily",
    "DataQuality",
    "DataQualityBaseline",
    "EveryHours",
    "Explainability",
    "Facet",
    "GroundTruth",
    "Hourly",
    "ModelQuality",
    "ModelQualityBaseline",
    "Monitor",
    "MonitorResources",
    "Monitors",
    "Predictor",
    "ShapAnalysis",
]
