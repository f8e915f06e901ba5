"""The tables of risk, a module for each subject."""

from .appeals import Appeal
from .assessments import AnsweredBy, Assessment, Decision, Kind
from .backtests import Backtest
from .cases import Case, CaseDecision, CaseNote, Origin, ReasonCode, Verdict
from .entities import EntityState, RebuiltState, StateRebuild
from .fairness import FairnessReport
from .labels import Label
from .lists import ListEntry
from .policies import Policy
from .rules import Rule, RuleDay

__all__ = [
    "AnsweredBy",
    "Appeal",
    "Assessment",
    "Backtest",
    "Case",
    "CaseDecision",
    "CaseNote",
    "Decision",
    "EntityState",
    "FairnessReport",
    "Kind",
    "Label",
    "ListEntry",
    "Origin",
    "Policy",
    "ReasonCode",
    "RebuiltState",
    "Rule",
    "RuleDay",
    "StateRebuild",
    "Verdict",
]
