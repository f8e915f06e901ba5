"""Holding, releasing and cancelling orders as cases want it: noted first, done in the background, once."""

from collections.abc import Iterable
from datetime import timedelta
from typing import Any

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from ecomai.commerce.adapters import Action, ActionRefusedError, UnsupportedActionError, perform_action
from ecomai.waking import wake_worker

from ..models import Case, Kind

Act = Case.OrderAct
#: So long a refused act is tried again: an order may come after its assessment.
TRIED_FOR = timedelta(days=1)
_WITH_REASON = {Act.HOLD, Act.CANCEL}


def want_order_act(case: Case, act: str) -> None:
    """Note what is to be done with a case's order; the caller saves. What is in shadow touches no order."""
    if case.kind != Kind.PAYMENT_FRAUD or case.assessment.is_shadow:
        return
    if act == Act.RELEASE and case.order_state != Act.HOLD:
        act = ""  # what was never held needs no release
    if act and act == case.order_state:
        act = ""
    case.order_act, case.order_problem = act, ""
    case.order_act_at = timezone.now() if act else None


def request_order_acts(case: Case) -> None:
    """Have the noted act done after the commit. Where the broker is away, beat does it a minute later."""
    if case.order_act:
        transaction.on_commit(wake_order_acts)


def wake_order_acts() -> None:
    """Tell a worker that acts wait."""
    from ..tasks import perform_order_acts as task

    wake_worker(task, otherwise="Orders wait for beat")


def perform_order_acts(*, order_ids: Iterable[str] | None = None) -> int:
    """Do what cases want done with their orders, and return how many acts were done. Safe to run twice."""
    waiting = Case.objects.exclude(order_act="").filter(order_act_at__gte=timezone.now() - TRIED_FOR)
    if order_ids is not None:
        waiting = waiting.filter(assessment__external_id__in=list(order_ids))
    return sum(_perform(pk) for pk in waiting.order_by("order_act_at").values_list("pk", flat=True))


def _perform(pk: int) -> bool:
    with transaction.atomic():
        rows = Case.objects.select_for_update(skip_locked=True, of=("self",)).select_related("assessment")
        case = rows.filter(pk=pk).exclude(order_act="").first()
        if case is None:  # another process does it, or has done it
            return False
        problem = _problem_of(case)
        if problem is None:
            case.order_state, case.order_act, case.order_problem = case.order_act, "", ""
            case.n_order_acts += 1
        else:
            case.order_problem = problem[:500]
        case.save(update_fields=["order_state", "order_act", "order_problem", "order_act_at", "n_order_acts"])
    return problem is None


def _problem_of(case: Case) -> str | None:
    """Ask the shop, and return its refusal; None where it did it."""
    arguments: dict[str, Any] = {"order_id": case.assessment.external_id}
    if case.order_act in _WITH_REASON:
        arguments["reason"] = _("Risk review, case %(case)s") % {"case": case.pk}
    try:
        with transaction.atomic():
            perform_action(
                Action(case.order_act), key=f"risk.case:{case.pk}:{case.n_order_acts}:{case.order_act}",
                storefront=case.storefront, actor_label="risk", **arguments,
            )  # fmt: skip
    except UnsupportedActionError as error:
        case.order_act = ""  # asking again changes nothing
        return str(error)
    except ActionRefusedError as error:
        return str(error)
    return None
