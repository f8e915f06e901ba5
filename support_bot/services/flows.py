"""Saving versions of flows, and putting one live; going back is putting the earlier one live."""

from typing import Any

from django.db import transaction

from ecomai.exceptions import PermissionDeniedError
from ecomai.registry.services.access import write_audit

from ..flows.definitions import read_definition
from ..flows.shipped import SHIPPED
from ..models import Flow, FlowVersion

PUT_LIVE = "ecomai_support_bot.put_flow_live"


@transaction.atomic
def save_version(flow: Flow, *, definition: Any, note: str = "", user: Any = None) -> FlowVersion:
    """Keep a definition as the flow's next version; the same as the newest one is that one.

    Raises `InvalidFlowError`.
    """
    read_definition(definition)
    Flow.objects.select_for_update().get(pk=flow.pk)
    newest = flow.versions.order_by("-number").first()
    if newest is not None and newest.definition == definition:
        return newest
    return FlowVersion.objects.create(
        flow=flow, number=newest.number + 1 if newest else 1, definition=definition, note=note[:200],
        created_by=user,
    )  # fmt: skip


@transaction.atomic
def put_live(version: FlowVersion, *, user: Any = None) -> None:
    """Make a version what its flow does from the next message on. None for `user` is the system.

    Conversations in the middle of an earlier version end by that one. Raises `PermissionDeniedError`.
    """
    _check(user)
    flow = Flow.objects.select_for_update().get(pk=version.flow_id)
    _switch(flow, version, user)


@transaction.atomic
def switch_off(flow: Flow, *, user: Any = None) -> None:
    """Let a flow begin no more. Raises `PermissionDeniedError`."""
    _check(user)
    _switch(Flow.objects.select_for_update().get(pk=flow.pk), None, user)


def _switch(flow: Flow, version: FlowVersion | None, user: Any) -> None:
    before = flow.live_version
    if before == version:
        return
    flow.live_version = version
    flow.save(update_fields=["live_version"])
    write_audit(
        action="put_flow_live" if version else "switch_off_flow", subject=f"flow:{flow.name}", user=user,
        details={"version": version.number if version else None, "before": before.number if before else None},
    )  # fmt: skip


def _check(user: Any) -> None:
    if user is not None and not user.has_perm(PUT_LIVE):
        raise PermissionDeniedError()


def add_shipped_flows() -> int:
    """Add the flows that are shipped, live, where the shop has none of the name; return how many."""
    return sum(_add(name, title, definition) for name, (title, definition) in SHIPPED.items())


@transaction.atomic
def _add(name: str, title: str, definition: Any) -> bool:
    flow, is_new = Flow.objects.get_or_create(name=name, defaults={"title": title})
    if is_new:
        flow.live_version = save_version(flow, definition=definition, note="As shipped")
        flow.save(update_fields=["live_version"])
    return is_new
