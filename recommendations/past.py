"""What is known of who asks, and may be used: one statement on PostgreSQL, the same in several elsewhere."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ecomai.commerce.models import Customer, Event, EventType
from ecomai.fusion.models import ConsentRecord, SessionLink
from ecomai.fusion.selectors import last_answer
from ecomai.inference.event_context import EventContext
from ecomai.reading import is_postgresql, read_rows

from . import selectors
from .app_settings import app_settings
from .models import Feedback

#: One thing that was done: item, type of event, quantity.
Step = tuple[int, str, int]
#: One thing that was said: item, kind of feedback.
Said = tuple[int, str]
#: So much of it counts, the newest.
MOST_SAID = 500


@dataclass(frozen=True)
class Found:
    """Rows as they were read, before consent and settings say what of them counts."""

    customer_key: int | None
    is_granted: bool | None  # the last answer about consent; None: nothing was answered
    steps: Sequence[Step]  # the newest, newest first
    days: Sequence[float]  # of each step, where that was asked for
    bought: Sequence[int] | None  # where the newest steps cannot tell; None: ask
    said: Sequence[Said]


PURCHASE, CANCELLATION = EventType.PURCHASE.value, EventType.CANCELLATION.value
OWNED, LESS_LIKE_THIS = Feedback.Kind.OWNED.value, Feedback.Kind.LESS_LIKE_THIS.value


@dataclass(frozen=True, kw_only=True)
class Past:
    """Who asks, as far as consent lets it matter, and what was done; items are primary keys."""

    customer_key: int | None = None
    session_id: str = ""
    history: Sequence[int] = ()  # oldest first, each once in a row
    event_contexts: Sequence[EventContext] = ()  # of the history, where they were asked for
    bought: frozenset[int] = frozenset()
    not_again: frozenset[int] = frozenset()
    unwanted: frozenset[int] = frozenset()  # by the visitor's own word
    less_like: frozenset[int] = frozenset()  # of these, those whose like is unwanted too
    is_unknown: bool = False  # the shop never told us of this customer


def read_past(
    *,
    storefront: str = "",
    customer: Customer | None = None,
    customer_id: str = "",
    session_id: str = "",
    with_contexts: bool = False,
) -> Past:
    """Read the newest of what a customer (a row, or the shop's id of one) or a session did.

    With `with_contexts` it also reads the types and times of the history, for a model that wants them. A
    session shows only what nobody is known to have done: a browser may name any session it likes.
    """
    if customer is None and not customer_id and not session_id:
        return Past()
    read = _read_at_once if is_postgresql() else _read_in_turn
    found = read(storefront, customer, customer_id, session_id, with_contexts)
    if found is None:
        return Past(is_unknown=True)
    unwanted = frozenset(item for item, _kind in found.said)
    less_like = frozenset(item for item, kind in found.said if kind == LESS_LIKE_THIS)
    if not _may_use(found.is_granted):
        # What somebody asks for is done, whatever else may be known of them.
        return Past(unwanted=unwanted, less_like=less_like)
    customer_key, steps = found.customer_key, found.steps
    wanted = frozenset(selectors.interaction_types())
    disliked = frozenset(item for item, kind in found.said if kind != OWNED)
    done = [(item, type) for item, type, _quantity in steps if type in wanted and item not in disliked]
    history: Sequence[int] = ()
    contexts: Sequence[EventContext] = ()
    if with_contexts:
        rows = zip(steps, found.days, strict=True)
        history, contexts = selectors.steps_of(
            (one[0], one[1], day) for one, day in rows if one[1] in wanted and one[0] not in disliked
        )
    else:
        history = selectors.history_of(item for item, _type in done)
    return Past(
        customer_key=customer_key,
        session_id=session_id,
        history=history,
        event_contexts=contexts,
        bought=frozenset(item for item, type in done if type == PURCHASE),
        not_again=_not_again(steps, customer_key, session_id, storefront, found.bought),
        unwanted=unwanted,
        less_like=less_like,
    )


def _may_use(is_granted: bool | None) -> bool:
    if not app_settings.CONSENT_PURPOSE:
        return True
    return selectors.default_consent() if is_granted is None else is_granted


def _not_again(
    steps: Sequence[Step],
    customer_key: int | None,
    session_id: str,
    storefront: str,
    known: Sequence[int] | None,
) -> frozenset[int]:
    """Return what was bought and not cancelled, from the steps at hand where they are all that count."""
    if not app_settings.EXCLUDE_PURCHASED or not steps:
        return frozenset()
    if len(steps) == _n_steps() and not app_settings.REBUYABLE_CATEGORIES and is_postgresql():
        return frozenset(known) if known is not None else _bought_in(session_id, storefront)
    if len(steps) == _n_steps() or app_settings.REBUYABLE_CATEGORIES:
        bought = selectors.purchased_items(
            customer_key=customer_key, session_id=session_id, storefront=storefront
        )
        return frozenset(selectors.not_again(bought))
    kept: Counter[int] = Counter()
    for item, type, quantity in steps:
        if type == PURCHASE:
            kept[item] += quantity
        elif type == CANCELLATION:
            kept[item] -= quantity
    return frozenset(item for item, quantity in kept.items() if quantity > 0)


def _n_steps() -> int:
    """One action makes several events (view, basket, purchase), so more are read than a history has items."""
    return 4 * app_settings.HISTORY_LENGTH


def _types() -> list[str]:
    return sorted({*selectors.interaction_types(), PURCHASE, CANCELLATION})


# -- PostgreSQL -------------------------------------------------------------------------------------

_CUSTOMER, _EVENT = Customer._meta.db_table, Event._meta.db_table
_CONSENT, _LINK = ConsentRecord._meta.db_table, SessionLink._meta.db_table
_FEEDBACK = Feedback._meta.db_table


def _consent_sql(whose: str) -> str:
    return (
        f"(SELECT is_granted FROM {_CONSENT} WHERE {whose} AND purpose = %s AND channel = '' "  # noqa: S608
        "ORDER BY recorded_at DESC, id DESC LIMIT 1)"
    )


def _steps_sql(whose: str, *, with_days: bool) -> str:
    days = ", array_agg(extract(epoch FROM occurred_at)::float8 / 86400) AS days" if with_days else ""
    column = ", occurred_at" if with_days else ""
    return (
        "LEFT JOIN LATERAL (SELECT array_agg(item_id) AS items, array_agg(type) AS types, "  # noqa: S608
        f"array_agg(quantity) AS quantities{days} FROM (SELECT item_id, type, quantity{column} "
        f"FROM {_EVENT} WHERE {whose} AND type = ANY(%s) AND item_id IS NOT NULL "
        "ORDER BY occurred_at DESC, id DESC LIMIT %s) AS newest) AS past ON true"
    )


def _said_sql(whose: str) -> str:
    return (
        "LEFT JOIN LATERAL (SELECT array_agg(item_id) AS items, array_agg(kind) AS kinds "  # noqa: S608
        f"FROM (SELECT item_id, kind FROM {_FEEDBACK} WHERE {whose} ORDER BY id DESC LIMIT {MOST_SAID}) "
        "AS newest) AS said ON true"
    )


def _columns(*, with_days: bool) -> str:
    days = ", past.days" if with_days else ""
    return f"said.items, said.kinds, past.items, past.types, past.quantities{days}"


def _bought_sql(whose: str) -> str:
    return (
        f"SELECT item_id FROM {_EVENT} WHERE {whose} AND type IN ('purchase', 'cancellation') "  # noqa: S608
        "AND item_id IS NOT NULL GROUP BY item_id "
        "HAVING sum(CASE type WHEN 'purchase' THEN quantity ELSE -quantity END) > 0"
    )


def _customer_sql(condition: str, *, with_days: bool) -> str:
    # Of a long history all purchases are looked through, and of no other.
    bought = f"CASE WHEN cardinality(past.items) = %s THEN ARRAY({_bought_sql('customer_id = who.id')}) END"
    return (
        f"SELECT who.id, {_consent_sql('customer_id = who.id')}, {bought}, {_columns(with_days=with_days)} "  # noqa: S608
        f"FROM {_CUSTOMER} AS who {_steps_sql('customer_id = who.id', with_days=with_days)} "
        f"{_said_sql('customer_id = who.id')} WHERE {condition}"
    )


def _session_sql(*, with_days: bool) -> str:
    # Once a session is a customer's, that customer's answers about consent are the session's.
    whose = "session_id = %s AND storefront = %s AND customer_id IS NULL"
    return (
        f"SELECT NULL AS id, CASE WHEN linked.id IS NULL "  # noqa: S608
        f"THEN {_consent_sql('customer_id IS NULL AND session_id = %s AND storefront = %s')} "
        f"ELSE {_consent_sql('customer_id = linked.id')} END, NULL, {_columns(with_days=with_days)} "
        f"FROM (SELECT (SELECT customer_id FROM {_LINK} WHERE session_id = %s AND storefront = %s) AS id) "
        f"AS linked {_steps_sql(whose, with_days=with_days)} {_said_sql(whose)}"
    )


# By whether the day of each step is asked for: reading it takes time, and most models know only items.
_BOTH = (False, True)
OF_CUSTOMER = {is_asked: _customer_sql("who.id = %s", with_days=is_asked) for is_asked in _BOTH}
OF_CUSTOMER_ID = {
    is_asked: _customer_sql("who.storefront = %s AND who.external_id = %s", with_days=is_asked)
    for is_asked in _BOTH
}
OF_SESSION = {is_asked: _session_sql(with_days=is_asked) for is_asked in _BOTH}


def _read_at_once(
    storefront: str, customer: Customer | None, customer_id: str, session_id: str, with_days: bool
) -> Found | None:
    purpose, n_steps = app_settings.CONSENT_PURPOSE, _n_steps()
    which = [_types(), n_steps]
    if customer is not None:
        rows = read_rows(OF_CUSTOMER[with_days], [purpose, n_steps, *which, customer.pk])
    elif customer_id:
        rows = read_rows(OF_CUSTOMER_ID[with_days], [purpose, n_steps, *which, storefront, customer_id])
    else:
        session = [session_id, storefront]
        rows = read_rows(
            OF_SESSION[with_days], [*session, purpose, purpose, *session, *session, *which, *session]
        )
    if not rows:
        return None
    customer_key, is_granted, bought, unwanted, kinds, items, types, quantities, *days = rows[0]
    return Found(
        customer_key=customer_key,
        is_granted=is_granted,
        steps=list(zip(items or (), types or (), quantities or (), strict=True)),
        days=(days[0] or ()) if days else (),
        bought=bought,
        said=list(zip(unwanted or (), kinds or (), strict=True)),
    )


BOUGHT_IN_SESSION = _bought_sql("session_id = %s AND storefront = %s AND customer_id IS NULL")


def _bought_in(session_id: str, storefront: str) -> frozenset[int]:
    """As `selectors.purchased_items` of a session, without categories."""
    return frozenset(item for (item,) in read_rows(BOUGHT_IN_SESSION, [session_id, storefront]))


# -- other databases --------------------------------------------------------------------------------


def _read_in_turn(
    storefront: str, customer: Customer | None, customer_id: str, session_id: str, with_days: bool
) -> Found | None:
    if customer is None and customer_id:
        customer = Customer.objects.filter(storefront=storefront, external_id=customer_id).first()
        if customer is None:
            return None
    key = customer.pk if customer else None
    answer = last_answer(
        purpose=app_settings.CONSENT_PURPOSE, customer=customer, session_id=session_id, storefront=storefront
    )
    events = selectors.events_of(customer_key=key, session_id=session_id, storefront=storefront)
    newest = events.filter(type__in=_types(), item__isnull=False).order_by("-occurred_at", "-id")
    rows = list(newest.values_list("item_id", "type", "quantity", "occurred_at")[: _n_steps()])
    days = [selectors.day_of(row[3]) for row in rows] if with_days else []
    whose: dict[str, Any] = {"customer": None, "session_id": session_id, "storefront": storefront}
    theirs = Feedback.objects.filter(**({"customer": key} if key else whose))
    return Found(
        customer_key=key,
        is_granted=None if answer is None else answer.is_granted,
        steps=[row[:3] for row in rows],
        days=days,
        bought=None,
        said=list(theirs.order_by("-pk").values_list("item_id", "kind")[:MOST_SAID]),
    )
