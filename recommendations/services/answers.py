"""Answer who asks with items: by the live model in time, else by the best fallback, always marked as such."""

import logging
import time
import uuid
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace

from django.utils.translation import gettext as _

from ecomai.commerce.models import Customer, Item
from ecomai.exceptions import InvalidInputError
from ecomai.registry.selectors import is_scenario_on
from ecomai.serving.turns import take_turn

from .. import catalogue as catalogues
from ..app_settings import app_settings
from ..catalogue import ItemFilter
from ..item_rows import items_by_external_id, items_by_key
from ..models import CHOSEN, Source
from ..past import read_past
from ..pipeline import plans, rankers, running
from ..pipeline.plans import Plan
from ..pipeline.rankers import Context, Ranking
from ..pipeline.reasons import Reason, reason_for
from ..pipeline.running import Trace
from .log import keep_answer

logger = logging.getLogger(__name__)

SCENARIO = "recommendations"
SWITCHED_OFF = "switched_off"


@dataclass(frozen=True)
class Pick:
    """One recommended item with the reason that holds for it."""

    item: Item
    score: float
    reason: Reason


@dataclass(frozen=True, kw_only=True)
class AnswerList:
    """What is shown. `key` names the answer in impressions and clicks; `code` says why it may be empty."""

    picks: Sequence[Pick] = ()
    source: str = ""
    asked_for: str = ""  # who was to answer by an experiment; empty: the model or the live pipeline
    model_name: str = ""
    model_version: int | None = None
    key: uuid.UUID | None = None
    placement: str = ""
    unknown_ids: Sequence[str] = ()
    code: str = ""
    model_version_id: int | None = None
    pipeline_id: int | None = None
    shadow: Ranking | None = field(default=None, repr=False)

    @property
    def is_fallback(self) -> bool:
        """Whether who was asked could not answer: away, too slow, failing, or with nothing to say."""
        return self.source not in ("", self.asked_for, *CHOSEN)


def recommend(
    *,
    storefront: str = "",
    customer: Customer | None = None,
    customer_id: str = "",
    session_id: str = "",
    item_id: str = "",
    basket: Sequence[str] = (),
    n: int | None = None,
    placement: str = "",
    filters: ItemFilter | None = None,
    time_budget_seconds: float | None = None,
    first: Source | None = None,
    pipeline_id: int | None = None,
    model_version: int | None = None,
    trace: Trace | None = None,
    is_kept: bool = True,
) -> AnswerList:
    """Recommend for a customer or session, beside an item, or to go with a basket.

    A customer is given as a row or by the shop's id. Reads the history now, so that an event changes
    the next answer. A pipeline that is live at the placement answers before all others. For experiments,
    `first` leaves out who would answer before that source, `pipeline_id` names another pipeline, and
    `model_version` the number of another version of the model. A `trace` notes what a pipeline's steps did.
    Writes the answer to the log unless `is_kept` is False. Raises InvalidInputError where `n` is out of
    bounds and UnlikeCurrenciesError where prices cannot be compared.
    """
    n = check_n(n)
    if not is_scenario_on(SCENARIO):
        return AnswerList(placement=placement, code=SWITCHED_OFF)
    with take_turn():
        started = time.monotonic()
        context, unknown = look_up(
            storefront=storefront,
            customer=customer,
            customer_id=customer_id,
            session_id=session_id,
            item_id=item_id,
            basket=basket,
            n=n,
            filters=filters,
            time_budget_seconds=time_budget_seconds,
        )
        plan = None if first else _plan(storefront, placement, pipeline_id)
        context = replace(
            context, first=first, placement=placement, plan=plan, trace=trace,
            versions=rankers.numbered_version(model_version),
        )  # fmt: skip
        answer = replace(
            _answer(context), placement=placement, unknown_ids=unknown, asked_for=first.value if first else ""
        )
    if not is_kept:
        return answer
    return replace(answer, key=keep_answer(answer, context, milliseconds=(time.monotonic() - started) * 1000))


def _plan(storefront: str, placement: str, pipeline_id: int | None) -> Plan | None:
    """Return the pipeline that was asked for, else the one that is live at the placement."""
    if pipeline_id is not None:
        plan = plans.plan_of(pipeline_id)
        if plan is not None:
            return plan
        logger.error("Pipeline %s is gone; what is live at %r answers instead.", pipeline_id, placement)
    return plans.live_plan(storefront, placement) if placement else None


def check_n(n: int | None) -> int:
    if n is None:
        return app_settings.DEFAULT_N
    if not 1 <= n <= app_settings.MAX_N:
        raise InvalidInputError(reason=_("n must be from 1 to %(most)s.") % {"most": app_settings.MAX_N})
    return n


def look_up(
    *,
    storefront: str,
    n: int,
    customer: Customer | None = None,
    customer_id: str = "",
    session_id: str = "",
    item_id: str = "",
    basket: Sequence[str] = (),
    filters: ItemFilter | None = None,
    time_budget_seconds: float | None = None,
) -> tuple[Context, list[str]]:
    """Read what an answer needs; also return the ids that no item of the storefront has."""
    wanted = list(dict.fromkeys([*([item_id] if item_id else []), *basket]))
    known = items_by_external_id(wanted, storefront=storefront) if wanted else {}
    # The first request of a process waits for its models; that is not the time they take to answer.
    rankers.warm_up()
    past = read_past(
        storefront=storefront, customer=customer, customer_id=customer_id, session_id=session_id,
        with_contexts=rankers.reads_event_contexts(),
    )  # fmt: skip
    seconds = app_settings.TIME_BUDGET_SECONDS if time_budget_seconds is None else time_budget_seconds
    never = past.unwanted.union(item.pk for item in known.values())
    context = Context(
        catalogue=catalogues.current(),
        storefront=storefront,
        customer_key=past.customer_key,
        session_id=past.session_id,
        page_item=known.get(item_id),
        basket=[known[external_id] for external_id in dict.fromkeys(basket) if external_id in known],
        history=past.history,
        event_contexts=past.event_contexts,
        bought=past.bought,
        not_again=past.not_again,
        never=never,
        excluded=past.not_again | never,
        less_like=past.less_like,
        filters=filters or ItemFilter(),
        n=n,
        deadline=time.monotonic() + seconds,
    )
    unknown = [customer_id] if past.is_unknown else []
    return context, [*unknown, *(external_id for external_id in wanted if external_id not in known)]


def _answer(context: Context) -> AnswerList:
    """Take the first ranking of the chain that has something to show, and fill up with popular items."""
    shadow = rankers.shadow_ranking(context)
    for ranking in _rankings(context):
        picks = _show(ranking, context)
        if picks or ranking.source == Source.POPULAR:
            return AnswerList(
                picks=picks, source=ranking.source, model_name=ranking.model_name, shadow=shadow,
                model_version=ranking.model_version, model_version_id=ranking.model_version_id,
                pipeline_id=context.plan.id if context.plan and ranking.is_complete else None,
            )  # fmt: skip
    return AnswerList(source=Source.POPULAR, shadow=shadow)


def _rankings(context: Context) -> Iterator[Ranking]:
    if context.plan is not None:
        yield from running.rankings(context.plan, context, context.trace)
    yield from rankers.rankings(context)


def _show(ranking: Ranking, context: Context) -> list[Pick]:
    """Read the rows of the ranked items once more, leave out what changed, and say why each is shown."""
    is_short = len(ranking.keys) < context.n and not ranking.is_complete
    filling = rankers.popular(context) if is_short else None
    keys = list(dict.fromkeys([*ranking.keys, *(filling.keys if filling else [])]))
    if not keys:
        return []
    scores = dict(zip(filling.keys, filling.scores, strict=True)) if filling else {}
    scores |= dict(zip(ranking.keys, ranking.scores, strict=True))
    n_first = context.n + rankers.FEW_LEFT_OUT
    named: dict[int, int] = {}
    rows: dict[int, Item] = {}
    for some in (keys[:n_first], keys[n_first:]):
        named |= ranking.reasons(some)
        rows |= items_by_key({*some, *named.values()} - rows.keys())
        shown = list(_distinct(_offered(keys, rows, context)))[: context.n]
        if len(shown) == context.n:
            break
    if not any(item.pk in ranking.key_set for item in shown):
        return []
    return [
        Pick(item, scores[item.pk], reason_for(item.pk, named.get(item.pk), ranking, context, rows))
        for item in shown
    ]


def _offered(keys: Iterable[int], rows: dict[int, Item], context: Context) -> Iterable[Item]:
    """Yield items that may be shown by their rows as they are now: the copy in memory may be a second old."""
    filters = context.filters
    for key in keys:
        item = rows.get(key)
        if item is None or not item.is_active or item.storefront != context.storefront:
            continue
        if filters.is_in_stock and not item.is_in_stock:
            continue
        if filters.has_price and not _is_in_price_range(item, filters):
            continue
        yield item


def _is_in_price_range(item: Item, filters: ItemFilter) -> bool:
    if item.price is None:
        return False
    is_above = filters.min_price is None or item.price >= filters.min_price
    return is_above and (filters.max_price is None or item.price <= filters.max_price)


def _distinct(items: Iterable[Item]) -> Iterable[Item]:
    """Yield each title and brand once: two rows of one product look like a fault."""
    seen = set()
    for item in items:
        look = (item.title.casefold().strip(), item.brand.casefold())
        if look not in seen:
            seen.add(look)
            yield item
