"""The admin pages of risk, a module for each subject."""

from . import appeals, assessments, cases, fairness, labels, policies

__all__ = ["appeals", "assessments", "cases", "fairness", "labels", "policies"]
