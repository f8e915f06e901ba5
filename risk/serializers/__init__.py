"""What our endpoints take and answer, a module for each subject."""

from .appeals import AppealFormSerializer, DecisionQuery, ExplanationSerializer
from .assessments import AnswerSerializer, QuestionSerializer, answer_body
from .labels import LabelSerializer, SentLabelSerializer

__all__ = [
    "AnswerSerializer",
    "AppealFormSerializer",
    "DecisionQuery",
    "ExplanationSerializer",
    "LabelSerializer",
    "QuestionSerializer",
    "SentLabelSerializer",
    "answer_body",
]
