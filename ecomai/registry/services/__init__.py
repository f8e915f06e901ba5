"""What people, schedules and programs may do with jobs, trainings, versions and switches.

Each of these checks the permission when `user` is given (None is the system itself) and writes the audit log.
"""

from .access import check_permission, write_audit
from .jobs import cancel_job, retry_job
from .labelling import add_labelling_tasks, label_case, remove_labelling_tasks, skip_case
from .promotion import (
    Verdict,
    consider_promotion,
    enter_shadow,
    gate_of,
    go_live,
    judge,
    promote_version,
    roll_back,
    set_policy,
)
from .schedules import request_scheduled_training, schedule_training
from .scoring import request_scoring
from .switches import switch_scenario
from .trainings import cancel_training, request_training, retry_training

__all__ = [
    "Verdict",
    "add_labelling_tasks",
    "cancel_job",
    "cancel_training",
    "check_permission",
    "consider_promotion",
    "enter_shadow",
    "gate_of",
    "go_live",
    "judge",
    "label_case",
    "promote_version",
    "remove_labelling_tasks",
    "request_scheduled_training",
    "request_scoring",
    "request_training",
    "retry_job",
    "retry_training",
    "roll_back",
    "schedule_training",
    "set_policy",
    "skip_case",
    "switch_scenario",
    "write_audit",
]
