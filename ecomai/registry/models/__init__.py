"""The tables of the registry, a module for each subject: the truth about all background work."""

from .audit import AuditBlock, AuditEntry
from .backtests import AbstractBacktest
from .jobs import Job
from .labelling import LabellingTask
from .runs import ActiveTraining, RunMetric, RunTrial, TrainingRun, TrainingSchedule
from .switches import ScenarioSwitch
from .versions import ModelDeployment, ModelVersion, PromotionPolicy

__all__ = [
    "AbstractBacktest",
    "ActiveTraining",
    "AuditBlock",
    "AuditEntry",
    "Job",
    "LabellingTask",
    "ModelDeployment",
    "ModelVersion",
    "PromotionPolicy",
    "RunMetric",
    "RunTrial",
    "ScenarioSwitch",
    "TrainingRun",
    "TrainingSchedule",
]
