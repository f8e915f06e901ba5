"""What our endpoints take and answer, a module for each subject."""

from .appeals import AppealFormSerializer, DecisionQuery, ExplanationSerializer
from .assessments import QuestionSerializer, RiskAnswerSerializer, answer_body
from .labels import LabelSerializer, SentLabelSerializer

__all__ = [
    "AppealFormSerializer",
    "DecisionQuery",
    "ExplanationSerializer",
    "LabelSerializer",
    "QuestionSerializer",
    "RiskAnswerSerializer",
    "SentLabelSerializer",
    "answer_body",
]
