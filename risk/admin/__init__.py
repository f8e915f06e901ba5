"""The admin pages of risk, a module for each subject."""

from . import appeals, assessments, backtests, cases, fairness, labels, lists, policies, rules

__all__ = [
    "appeals", "assessments", "backtests", "cases", "fairness", "labels", "lists", "policies", "rules",
]  # fmt: skip
