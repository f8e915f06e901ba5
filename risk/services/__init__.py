"""What others ask of risk."""

from .assess import assess
from .labels import label_by_id, record_label
from .policies import back_to_shadow, change_policy, current_policy, forget_policies, go_live

__all__ = [
    "assess",
    "back_to_shadow",
    "change_policy",
    "current_policy",
    "forget_policies",
    "go_live",
    "label_by_id",
    "record_label",
]
