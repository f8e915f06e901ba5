"""What is known of a question the moment before it is answered: numbers, computed in one place.

Nothing here knows Django or a clock. The same functions fold an event while the shop waits and when history
is replayed for training, so features are equal by construction, and none sees what came later. State is
constant in size: no length of a history makes a question slower.
"""

from .events import CODES, ENTITIES, LINKS, RiskEvent
from .replaying import LabelMoment, Moment, replay
from .states import State, fold, fold_label
from .vectors import FEATURE_NAMES, FEATURES_VERSION, vector

__all__ = [
    "CODES",
    "ENTITIES",
    "FEATURES_VERSION",
    "FEATURE_NAMES",
    "LINKS",
    "LabelMoment",
    "Moment",
    "RiskEvent",
    "State",
    "fold",
    "fold_label",
    "replay",
    "vector",
]
