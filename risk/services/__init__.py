"""What others ask of risk."""

from .assess import assess
from .labels import record_label
from .policies import back_to_shadow, change_policy, current_policy, forget_policies, go_live

__all__ = [
    "assess",
    "back_to_shadow",
    "change_policy",
    "current_policy",
    "forget_policies",
    "go_live",
    "record_label",
]
