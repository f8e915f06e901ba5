"""The tables of risk, a module for each subject."""

from .assessments import AnsweredBy, Assessment, Decision, Kind
from .entities import EntityState
from .labels import Label
from .policies import Policy

__all__ = ["AnsweredBy", "Assessment", "Decision", "EntityState", "Kind", "Label", "Policy"]
