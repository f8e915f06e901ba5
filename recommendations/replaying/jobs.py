"""A back-test as a job: asked for, done in parts that a dead worker's successor takes up, and judged."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import numpy as np
from django.db import transaction
from django.utils import timezone
from django.utils.dateparse import parse_datetime
from django.utils.translation import gettext as _

from ecomai.exceptions import InvalidInputError, NotEnoughDataError, PermissionDeniedError
from ecomai.registry.jobs import RunningJob, enqueue_job
from ecomai.registry.models import ModelDeployment, ModelVersion
from ecomai.registry.services import write_audit
from ecomai.serving import live

from ..catalogue import ItemFilter
from ..models import Answer, Replay
from ..scenario import NEXT_ITEM, SIMILAR_ITEMS
from ..training.updating import LEARNED_UNTIL
from . import arms, judging, moments
from .judging import Case

KIND = "recommendations.replay"
MOST_ANSWERS, MOST_ITEMS, MOST_DAYS = 5000, 50, 90
AT_ONCE = 25


def start_replay(
    *,
    configuration: Mapping[str, Any],
    period_start: datetime,
    period_end: datetime,
    placement: str = "",
    storefront: str = "",
    n_answers: int = 500,
    k: int = 10,
    name: str = "",
    random_state: int = 0,
    user: Any = None,
) -> Replay:
    """Queue a back-test of a configuration on the answers of a period. Raises InvalidInputError."""
    if user is not None and not user.has_perm("ecomai_recommendations.add_replay"):
        raise PermissionDeniedError
    arms.check_configuration(configuration)
    _check_bounds(period_start, period_end, n_answers, k)
    with transaction.atomic():
        replay = Replay.objects.create(
            name=name[:100], configuration=dict(configuration), placement=placement, storefront=storefront,
            period_start=period_start, period_end=period_end, n_answers=n_answers, k=k,
            random_state=random_state, created_by=user,
        )  # fmt: skip
        replay.job = enqueue_job(
            kind=KIND, arguments={"replay": replay.pk}, created_by=user,
            label=_("Back-test %(name)s") % {"name": replay},
        )  # fmt: skip
        replay.save(update_fields=["job"])
        write_audit(action="start_replay", subject=replay, user=user)
    return replay


def _check_bounds(start: datetime, end: datetime, n_answers: int, k: int) -> None:
    if not start < end:
        raise InvalidInputError(reason=_("the period must end after it begins."))
    if end - start > timedelta(days=MOST_DAYS):
        raise InvalidInputError(reason=_("a period has at most %(n)s days.") % {"n": MOST_DAYS})
    if not 1 <= n_answers <= MOST_ANSWERS:
        raise InvalidInputError(reason=_("draw from 1 to %(n)s answers.") % {"n": MOST_ANSWERS})
    if not 1 <= k <= MOST_ITEMS:
        raise InvalidInputError(reason=_("an answer has from 1 to %(n)s items.") % {"n": MOST_ITEMS})


def run_replay(job: RunningJob) -> dict[str, Any]:
    """Do the work of a `recommendations.replay` job; a second attempt goes on where the first one ended."""
    replay = Replay.objects.get(pk=job.arguments["replay"])
    moments.forget()
    live.refresh()
    keys = _drawn(replay)
    if not keys:
        raise NotEnoughDataError(have=0, need=1, unit=_("answers in the period"))
    rows: list[dict[str, Any]] = list(replay.partial.get("rows", []))
    n_done = int(replay.partial.get("n_done", 0))
    learned = _learned_until()
    while n_done < len(keys):
        job.report(n_done / len(keys), _("%(n)s of %(total)s answers") % {"n": n_done, "total": len(keys)})
        rows += [case.as_json() for case in _cases(replay, keys[n_done : n_done + AT_ONCE], learned)]
        n_done += AT_ONCE
        Replay.objects.filter(pk=replay.pk).update(partial={"n_done": n_done, "rows": rows})
    report = _report(replay, rows, n_drawn=len(keys))
    Replay.objects.filter(pk=replay.pk).update(report=report, partial={})
    return {"replay": replay.pk, "n_judged": report["n_judged"]}


def _drawn(replay: Replay) -> list[int]:
    """Draw answers at random, the same ones each time; in the order in which they were given."""
    answers = Answer.objects.filter(
        storefront=replay.storefront, created_at__gte=replay.period_start, created_at__lt=replay.period_end
    )
    if replay.placement:
        answers = answers.filter(placement=replay.placement)
    keys = np.array(answers.order_by("pk").values_list("pk", flat=True), dtype=np.int64)
    if len(keys) > replay.n_answers:
        keys = np.random.default_rng(replay.random_state).choice(keys, replay.n_answers, replace=False)
    return np.sort(keys).tolist()


def _cases(replay: Replay, keys: list[int], learned: datetime | None) -> list[Case]:
    answers = Answer.objects.filter(pk__in=keys).select_related("customer").order_by("created_at", "pk")
    found = [_case(replay, answer, learned) for answer in answers]
    return [case for case in found if case is not None]


def _case(replay: Replay, answer: Answer, learned: datetime | None) -> Case | None:
    catalogue = moments.catalogue_at(answer.created_at)
    context = moments.context_of(answer, catalogue, n=replay.k)
    if context is None:
        return None
    lists = {
        judging.LIVE: arms.answer({}, context, k=replay.k),
        judging.DRAFT: arms.answer(replay.configuration, context, k=replay.k),
        judging.SHOWN: list(answer.item_keys)[: replay.k],
    }
    named = sorted({key for keys in lists.values() for key in keys})
    at = catalogue.positions(named)
    is_tail: np.ndarray = np.zeros(len(named), dtype=bool)
    is_tail[at >= 0] = catalogue.is_tail[at[at >= 0]]
    targets, bought = moments.turned_to_after(answer)
    return Case(
        **lists, targets=sorted(targets), bought=sorted(bought),
        tail=[key for key, is_rare in zip(named, is_tail, strict=True) if is_rare],
        is_known=learned is None or learned <= answer.created_at,
    )  # fmt: skip


def _report(replay: Replay, rows: list[dict[str, Any]], *, n_drawn: int) -> dict[str, Any]:
    cases = [judging.case_of(row) for row in rows]
    n_items = int(moments.catalogue_at(replay.period_end).mask(
        storefront=replay.storefront, filters=ItemFilter()).sum())  # fmt: skip
    report = judging.judge(cases, k=replay.k, n_items=n_items, random_state=replay.random_state)
    return {
        **report,
        "n_drawn": n_drawn,
        "n_left_out": n_drawn - len(cases),
        "versions": [str(version) for version in _versions()],
        "finished_at": timezone.now().isoformat(),
    }


def _versions() -> list[ModelVersion]:
    deployed = ModelDeployment.objects.filter(
        model_name__in=[NEXT_ITEM, SIMILAR_ITEMS], mode=ModelDeployment.Mode.LIVE, live_version__isnull=False
    )
    return [one.live_version for one in deployed.select_related("live_version") if one.live_version]


def _learned_until() -> datetime | None:
    """Return until when the live models learned: of answers before that they know the outcome."""
    found = []
    for version in _versions():
        until = parse_datetime(str(version.card.get(LEARNED_UNTIL, ""))) or version.window_end
        if until is not None:
            found.append(until)
    return max(found, default=None)
