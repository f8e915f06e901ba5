"""REST endpoints of risk, a module for each subject."""

from .appeals import DecisionView
from .assessments import AssessmentsView, AssessmentView
from .labels import LabelsView
from .lists import ListsView

__all__ = ["AssessmentView", "AssessmentsView", "DecisionView", "LabelsView", "ListsView"]
