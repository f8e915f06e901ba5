"""The pages of journeys: the flow with who is where, what came of it, and what the builder offers."""

import json
from collections.abc import Mapping
from typing import Any

from django.db.models import Count
from django.utils.formats import number_format
from django.utils.text import capfirst
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from ecomai.commerce.models import EventType
from ecomai.console.step_picture import END, Told
from ecomai.console.step_picture import picture_context as drawn

from ..exceptions import InvalidJourneyError
from ..journeys.graph import UNITS, Fork, Graph, Message, Step, Wait, parse_steps
from ..mails import VARIABLES
from ..models import Channel, Delivery, Journey, JourneyRun, SegmentMember, Topic, WebhookEndpoint
from ..services.effects import report_of_journey
from .campaigns import report_context
from .segments import builder_context as conditions_context

State = JourneyRun.State
N_RUNS = 50


def context(journey: Journey) -> dict[str, Any]:
    """Where customers are now, and what came of them; a fixed number of queries."""
    places = _places(journey)
    states = {state: sum(n for (each, _step), n in places.items() if each == state) for state in State.values}
    here = {step: n for (state, step), n in places.items() if state == State.ON_THE_WAY}
    graph, problem = _read(journey.steps)
    said = _messages(journey)
    return {
        "journey": journey,
        "problem": problem,
        "halted": list(journey.campaigns.exclude(halted_reason="").values_list("halted_reason", flat=True)),
        "picture": picture_context(graph, here, states[State.FINISHED]) if graph else None,
        "steps": [_row(step, here, said) for step in graph or ()],
        "n_begun": sum(states.values()) - states[State.HELD_OUT],
        "states": [(value, State(value).label, n) for value, n in states.items() if n],
        "begins": begins(journey),
        "goal": event_label(journey.goal) if journey.goal else "",
        "report": report_context(report_of_journey(journey)) if journey.started_at else None,
    }


def reasons(journey: Journey) -> list[str]:
    """What should be known before the start."""
    if journey.started_at:
        return []
    said = []
    if journey.takes_members and journey.segment_id:
        n = SegmentMember.objects.filter(
            segment_id=journey.segment_id, customer__storefront=journey.storefront
        ).count()
        said.append(
            _("%(n)s customers are in the segment now and begin at once.")
            % {"n": number_format(n, force_grouping=True)}
        )
    if not journey.holdout_share:
        said.append(_("Without a holdout nothing will tell what it brought."))
    return said


def begins(journey: Journey) -> str:
    if journey.segment:
        return _("When a customer joins the segment “%(name)s”.") % {"name": journey.segment}
    return _("When a customer does this: %(event)s.") % {"event": event_label(journey.event)}


def event_label(name: str) -> str:
    return str(dict(EventType.choices).get(name, name))


def _read(steps: Any) -> tuple[Graph | None, str]:
    try:
        return parse_steps(steps), ""
    except InvalidJourneyError as error:
        return None, str(error)


def _places(journey: Journey) -> dict[tuple[str, str], int]:
    rows = JourneyRun.objects.filter(journey=journey).order_by()
    return {(state, step): n for state, step, n in rows.values_list("state", "step").annotate(n=Count("pk"))}


def _messages(journey: Journey) -> dict[tuple[str, str], int]:
    rows = Delivery.objects.filter(campaign__journey=journey).order_by()
    counted = rows.values_list("campaign__step", "state").annotate(n=Count("pk"))
    return {(step, state): n for step, state, n in counted}


def _row(step: Step, here: Mapping[str, int], said: Mapping[tuple[str, str], int]) -> dict[str, Any]:
    states = Delivery.State
    is_message = isinstance(step, Message)
    n_waiting = said.get((step.key, states.WAITING), 0) + said.get((step.key, states.CLAIMED), 0)
    n_other = sum(said.get((step.key, each), 0) for each in (states.SKIPPED, states.FAILED, states.UNSURE))
    return {
        "step": step, "kind": kind_of(step), "n": here.get(step.key, 0), "is_message": is_message,
        "n_sent": said.get((step.key, states.SENT), 0), "n_waiting": n_waiting, "n_other": n_other,
    }  # fmt: skip


def kind_of(step: Step) -> str:
    """What a step does, in a few words."""
    if isinstance(step, Wait):
        return span_of(step)
    if isinstance(step, Message):
        n, channel = len(step.variants), Channel(step.channel).label
        if n == 1:
            return capfirst(str(channel))
        return capfirst(_("%(channel)s in %(n)s variants") % {"channel": channel, "n": n})
    return _("Condition")


def span_of(step: Wait) -> str:
    spans = {
        "minutes": ngettext("%(n)s minute", "%(n)s minutes", step.amount),
        "hours": ngettext("%(n)s hour", "%(n)s hours", step.amount),
        "days": ngettext("%(n)s day", "%(n)s days", step.amount),
    }
    span = spans[step.unit] % {"n": step.amount}
    if step.event:
        return _("%(span)s, or until: %(event)s") % {"span": span, "event": event_label(step.event)}
    return _("Wait %(span)s") % {"span": span}


# -- the picture --------------------------------------------------------------------------------


def picture_context(graph: Graph, here: Mapping[str, int], n_finished: int = 0) -> dict[str, Any]:
    """The flow as boxes and lines with their texts."""
    told = {
        step.key: Told(
            kind=type(step).__name__.lower(), name=step.name, about=kind_of(step), n=here.get(step.key, 0)
        )
        for step in graph
    }
    told[END] = Told(kind=END, name=_("End"), n=n_finished)
    labels = {
        (step.key, number): _exit_label(step, number) for step in graph for number in range(len(step.exits))
    }
    return drawn(list(graph), told, labels)


def _exit_label(step: Step, number: int) -> str:
    if isinstance(step, Fork):
        return (_("yes"), _("no"))[number]
    if isinstance(step, Wait) and step.event:
        return (_("time is over"), _("it came"))[number]
    return ""


def preview_context(text: str) -> dict[str, Any]:
    """The picture of steps that are being built, or what is wrong with which of them."""
    try:
        return picture_context(parse_steps(read_steps(text)), {})
    except InvalidJourneyError as error:
        return {"problem": str(error), "path": error.details["path"]}


def read_steps(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


# -- who is where -------------------------------------------------------------------------------


def runs_context(journey: Journey, asked: Mapping[str, str]) -> dict[str, Any]:
    """Customers on a journey, newest first, by customer, step and state; one page."""
    q, step, state = (asked.get(name, "").strip()[:128] for name in ("q", "step", "state"))
    runs = JourneyRun.objects.filter(journey=journey).select_related("customer").order_by("-pk")
    if q:
        runs = runs.filter(customer__external_id=q)
    if step:
        runs = runs.filter(step=step, state=State.ON_THE_WAY)
    elif state in State.values:
        runs = runs.filter(state=state)
    before = asked.get("before", "")
    if before.isascii() and before.isdigit() and len(before) < 19:
        runs = runs.filter(pk__lt=int(before))
    found = list(runs[: N_RUNS + 1])
    graph, _problem = _read(journey.steps)
    names = {step.key: step.name for step in graph or ()}
    return {
        "journey": journey,
        "rows": [(run, names.get(run.step, run.step)) for run in found[:N_RUNS]],
        "older": found[N_RUNS - 1].pk if len(found) > N_RUNS else None,
        "asked": {"q": q, "step": step, "state": state},
        "steps": list(names.items()),
        "states": State.choices,
    }


# -- the builder --------------------------------------------------------------------------------


def builder_context(journey: Journey | None) -> dict[str, Any]:
    """What the builder offers: the parts of conditions, events, units, and words."""
    conditions = conditions_context(None)
    return {
        "journey": journey,
        "offered": conditions["offered"] | {"units": [[unit, _unit(unit)] for unit in UNITS]} | _ways(),
        "texts": conditions["texts"] | _texts(),
    }


def _ways() -> dict[str, list[list[str]]]:
    """By which channels a message can go, and what there is for them."""
    endpoints = WebhookEndpoint.objects.filter(is_active=True).order_by("name")
    topics = Topic.objects.filter(is_active=True).order_by("name")
    return {
        "channels": [[value, str(label)] for value, label in Channel.choices],
        "endpoints": [[name, name] for name in endpoints.values_list("name", flat=True)],
        "topics": [[slug, name] for slug, name in topics.values_list("slug", "name")],
    }


def _unit(unit: str) -> str:
    return {"minutes": _("minutes"), "hours": _("hours"), "days": _("days")}[unit]


def _texts() -> dict[str, str]:
    return {
        "message": _("Message"),
        "channel": _("By which way"),
        "endpoint": _("Webhook"),
        "slot": _("Place on the site"),
        "topic": _("Topic"),
        "nothing": _("– nothing –"),
        "offer_percent": _("Discount in percent, by a voucher"),
        "offer_days": _("Valid for days"),
        "target_url": _("Leads to (on the site and for webhooks)"),
        "wait": _("Wait"),
        "condition": _("Condition"),
        "name": _("Name of the step"),
        "new_message": _("New message"),
        "new_wait": _("New wait"),
        "new_condition": _("New condition"),
        "next": _("Then"),
        "on_event": _("As soon as it comes, go to"),
        "on_time": _("When the time is over, go to"),
        "yes_to": _("If so, go to"),
        "no_to": _("If not, go to"),
        "end": _("End"),
        "for_how_long": _("How long"),
        "unit": _("Unit of time"),
        "or_until": _("or until the customer does this"),
        "no_event": _("– nothing –"),
        "subject_line": _("Subject"),
        "body": _("Text"),
        "weight": _("Weight"),
        "variant": _("Variant"),
        "add_variant": _("Add a variant"),
        "remove_variant": _("Remove this variant"),
        "remove_step": _("Remove the step"),
        "up": _("Move up"),
        "down": _("Move down"),
        "moved": _("Moved."),
        "begins_here": _("It begins here"),
        "may_name": _("May name: %(names)s, as in {{ name }}.") % {"names": ", ".join(VARIABLES)},
    }
