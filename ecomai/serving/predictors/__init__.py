"""Exported models as callable objects: numpy and ONNX Runtime only."""

from .base import Explanation, Predictor, ScoredItem, get_predictor_class, load_predictor, register_predictor

__all__ = [
    "Explanation",
    "Predictor",
    "ScoredItem",
    "get_predictor_class",
    "load_predictor",
    "register_predictor",
]
