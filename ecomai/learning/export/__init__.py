"""Fitted models as files that a web process can run without torch: ONNX, safetensors, JSON.

The layout of each kind is written down in `docs/models.md`; `ecomai.serving.predictors` reads it.
Every exported graph is run once and compared with the model it came from.
"""

from .classifiers import export_content_classifier, export_event_classifier, export_tabular_classifier
from .cross_encoder import export_cross_encoder
from .event_ensemble import export_event_ensemble
from .intents import export_intents
from .pair_ranker import export_pair_ranker
from .recommenders import export_next_item, export_popularity, export_similar_items, load_next_item
from .response import export_response
from .search import export_search
from .text_encoder import export_text_encoder

__all__ = [
    "export_content_classifier",
    "export_cross_encoder",
    "export_event_classifier",
    "export_event_ensemble",
    "export_intents",
    "export_next_item",
    "export_pair_ranker",
    "export_popularity",
    "export_response",
    "export_search",
    "export_similar_items",
    "export_tabular_classifier",
    "export_text_encoder",
    "load_next_item",
]
