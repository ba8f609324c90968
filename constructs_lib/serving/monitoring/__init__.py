"""What looks at captured requests and answers.

Model Monitor takes no new customers since 2026-07-30: an account that had none before then cannot make a schedule
(note on the pages of Model Monitor, SageMaker Developer Guide, read 2026-11-22).
"""

from constructs_lib.serving.monitoring.analysis import BiasAnalysis, Facet, Predictor, ShapAnalysis
from constructs_lib.serving.monitoring.answers import Answers, GroundTruth
from constructs_lib.serving.monitoring.base import Monitor, MonitorResources
from constructs_lib.serving.monitoring.baselines import ClarifyBaseline, DataQualityBaseline, ModelQualityBaseline
from constructs_lib.serving.monitoring.clarify import Bias, Explainability
from constructs_lib.serving.monitoring.drift import Drift
from constructs_lib.serving.monitoring.monitors import Monitors
from constructs_lib.serving.monitoring.quality import DataQuality, ModelQuality
from constructs_lib.serving.monitoring.records import TENSORS, RecordScript
from constructs_lib.serving.monitoring.schedule import Daily, EveryHours, Hourly

__all__ = [
    "TENSORS",
    "Answers",
    "Bias",
    "BiasAnalysis",
    "ClarifyBaseline",
    "Daily",
    "DataQuality",
    "DataQualityBaseline",
    "Drift",
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
    "RecordScript",
    "ShapAnalysis",
]
