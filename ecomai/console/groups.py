"""Ready-made groups for a shop's staff: made once, completed when a scenario brings something new.

What an admin takes out of a group, or does to the group itself, stays so: `ReadyGroup` remembers
everything that was ever given, and only what is new is given again.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal

from django.contrib.auth.models import Group, Permission
from django.db import transaction

from ecomai import scenarios
from ecomai.scenarios import Role

from .models import ReadyGroup

NAME = "ecomai {role}"
Outcome = Literal["made", "completed", "unchanged", "deleted"]

_SEES_MODELS = (
    "ecomai_console.view_console",
    "ecomai_console.view_qualityreport",
    "ecomai_console.view_alertrule",
    "ecomai_console.view_alertepisode",
    "ecomai_console.acknowledge_alertepisode",
    "ecomai_registry.view_modeldeployment",
    "ecomai_registry.view_modelversion",
    "ecomai_registry.view_trainingrun",
    "ecomai_registry.view_job",
)
_SEES_EXPERIMENTS = ("ecomai_experiments.view_experiment",)
_WRITES = (
    "ecomai_generation.view_prompt",
    "ecomai_generation.change_prompt",
    "ecomai_generation.view_brandvoice",
    "ecomai_generation.add_brandvoice",
    "ecomai_generation.change_brandvoice",
)
_SEES_CATALOGUE = ("ecomai_commerce.view_item", "ecomai_commerce.view_event")
_SEES_CUSTOMERS = (
    "ecomai_commerce.view_customer",
    "ecomai_commerce.view_order",
    "ecomai_commerce.view_orderline",
    "ecomai_fusion.view_customerpicture",
    "ecomai_fusion.view_consentrecord",
)

#: What the foundation's own pages need; scenarios add theirs by `Scenario.group_permissions`.
FOUNDATION: dict[Role, tuple[str, ...]] = {
    # Understands the data and the models, trains and labels; does not decide what customers see.
    "analyst": (
        *_SEES_MODELS,
        *_SEES_CATALOGUE,
        *_SEES_CUSTOMERS,
        *_SEES_EXPERIMENTS,
        "ecomai_commerce.view_rejectedrow",
        "ecomai_commerce.view_exchangerate",
        "ecomai_commerce.view_importcheckpoint",
        "ecomai_commerce.view_crawlercount",
        "ecomai_console.compute_qualityreport",
        "ecomai_fusion.view_fact",
        "ecomai_registry.view_auditentry",
        "ecomai_registry.view_promotionpolicy",
        "ecomai_registry.view_scenarioswitch",
        "ecomai_registry.view_trainingschedule",
        "ecomai_registry.view_labellingtask",
        "ecomai_registry.label_labellingtask",
        "ecomai_registry.request_training",
        "ecomai_registry.view_job_traceback",
    ),
    # Answers for what the shop shows: trains, promotes, goes live, switches off.
    "merchandiser": (
        *_SEES_MODELS,
        *_SEES_CATALOGUE,
        "ecomai_registry.view_scenarioswitch",
        "ecomai_registry.change_scenarioswitch",
        "ecomai_registry.request_training",
        "ecomai_registry.schedule_training",
        "ecomai_registry.request_scoring",
        "ecomai_registry.cancel_job",
        "ecomai_registry.promote_modelversion",
        "ecomai_registry.go_live_modelversion",
        *_SEES_EXPERIMENTS,
        "ecomai_experiments.add_experiment",
        "ecomai_experiments.change_experiment",
        "ecomai_experiments.run_experiment",
        "ecomai_experiments.roll_out_experiment",
    ),
    # Looks at orders and the people behind them, and says what each case was.
    "risk_reviewer": (
        "ecomai_console.view_console",
        *_SEES_CUSTOMERS,
        "ecomai_fusion.view_fact",
        "ecomai_registry.view_labellingtask",
        "ecomai_registry.label_labellingtask",
    ),
    # Talks to customers, and tells them what is known of them.
    "support_agent": (
        "ecomai_console.view_console",
        "ecomai_commerce.view_item",
        *_SEES_CUSTOMERS,
        "ecomai_fusion.export_customer",
    ),
    # Reaches customers who agreed to it.
    "marketer": (
        *_WRITES,
        "ecomai_console.view_console",
        "ecomai_console.view_qualityreport",
        *_SEES_CATALOGUE,
        *_SEES_CUSTOMERS,
        *_SEES_EXPERIMENTS,
        "ecomai_fusion.view_fact",
        "ecomai_registry.view_modeldeployment",
    ),
}


@dataclass(frozen=True)
class MadeGroup:
    """What became of one group; `given` are the permissions that it got now."""

    name: str
    outcome: Outcome
    given: list[str]


def wanted_permissions(role: Role) -> list[str]:
    """All that a group should be able to do with what is installed, as `app_label.codename`."""
    found = list(FOUNDATION[role])
    for scenario in scenarios.installed():
        found += scenario.group_permissions.get(role, ())
    return list(dict.fromkeys(found))


def make_groups() -> list[MadeGroup]:
    """Make the groups that are not there yet, and give them what is new. A second call changes nothing."""
    with transaction.atomic():
        return [_make_group(role) for role in FOUNDATION]


def _make_group(role: Role) -> MadeGroup:
    name = NAME.format(role=role.replace("_", " "))
    known, is_new = ReadyGroup.objects.select_for_update().get_or_create(role=role)
    if is_new:
        known.group, _created = Group.objects.get_or_create(name=name)
    if known.group is None:
        return MadeGroup(name, "deleted", [])
    permissions = _permissions(set(wanted_permissions(role)) - set(known.given))
    known.group.permissions.add(*permissions.values())
    known.given = sorted({*known.given, *permissions})
    known.save()
    outcome: Outcome = "made" if is_new else "completed" if permissions else "unchanged"
    return MadeGroup(known.group.name, outcome, sorted(permissions))


def _permissions(names: Iterable[str]) -> dict[str, Any]:
    """Look permissions up by name. One that does not exist, say of an app not migrated yet, comes later."""
    labels = {name.partition(".")[0] for name in names}
    rows = Permission.objects.filter(content_type__app_label__in=labels).select_related("content_type")
    by_name = {f"{row.content_type.app_label}.{row.codename}": row for row in rows}
    return {name: by_name[name] for name in names if name in by_name}
