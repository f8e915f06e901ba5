"""What was shown, with what followed: rows to learn from, nothing later than the cutoff among them."""

from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice
from typing import Any

import numpy as np

from ecomai.commerce.models import Customer, Event, EventType, Item
from ecomai.inference.exposures import Contents, Exposures, hash_of

from ..app_settings import app_settings
from ..models import AdConversion, AdCreative
from ..services.ads.chances import item_words, words_of
from ..services.ads.shelf import facts_of
from .columns import (
    CATEGORIES,
    N_STEPS,
    NUMBERS,
    SHOWN_WITHIN,
    STEPS,
    STEPS_WITHIN,
    AdFacts,
    Moment,
    categories_of,
    numbers_of,
)

READ_WITHIN = timedelta(days=120)
#: A click comes soon; whether the newest impressions are clicked is not known yet.
CLICK_WITHIN = timedelta(hours=1)
MOST_EXPOSURES, MOST_NEXT = 500_000, 30_000
VISITORS_AT_ONCE = 500
UNKNOWN = -1

Step = tuple[datetime, str, int | None, int | None]


@dataclass(frozen=True)
class Shown:
    """An impression as it was logged."""

    at: datetime
    customer: int | None
    session: str
    creative: int
    placement: str
    position: int
    key: str


@dataclass
class AdHistory:
    """Exposures in the order of time, as the model reads them, and the texts whose vectors they need.

    `item_pks` are the contents that are items; the texts of advertisements come after them.
    """

    times: list[datetime]
    categories: np.ndarray
    numbers: np.ndarray
    items: np.ndarray
    texts: np.ndarray
    histories: np.ndarray
    clicked: np.ndarray
    converted: np.ndarray
    item_pks: list[int]
    words: list[str]
    next_times: list[datetime]
    next_histories: np.ndarray
    next_items: np.ndarray

    def __len__(self) -> int:
        return len(self.times)

    def contents(self, vectors: np.ndarray) -> Contents:
        keys = [hash_of(pk) for pk in self.item_pks]
        return Contents.of(vectors, [*keys, *([-1] * (len(self.words) - len(keys)))])

    def exposures(self, contents: Contents) -> Exposures:
        return Exposures.of(
            categories=self.categories, numbers=self.numbers, items=self.items, texts=self.texts,
            histories=self.histories, contents=contents,
        )  # fmt: skip


def read_history(*, as_of: datetime) -> AdHistory:
    """Read impressions until a moment, with what followed by then, and what customers turned to."""
    shown = _impressions(as_of)
    ads = _ads({each.creative for each in shown})
    shown = [each for each in shown if each.creative in ads]
    moments = _moments(shown, as_of)
    next_steps = _next_steps(as_of)
    used = {item for moment in moments for item in moment.steps}
    used |= {item for _at, steps in next_steps for item in steps}
    used |= {facts.item for facts, _words in ads.values() if facts.item}
    items = {item.pk: item_words(item) for item in Item.objects.filter(pk__in=used).order_by("pk")}
    place = {pk: number for number, pk in enumerate(items)}
    text_of = {creative: len(items) + number for number, creative in enumerate(ads)}
    clicked, converted = _labels(shown, as_of)
    facts = [ads[each.creative][0] for each in shown]
    known = list(zip(facts, moments, shown, strict=True))
    return AdHistory(
        times=[each.at for each in shown],
        categories=_table([_hashes(ad, at) for ad, at, _row in known], np.int64),
        numbers=_table([numbers_of(ad, at, row.position) for ad, at, row in known], np.float32),
        items=np.array([place.get(ad.item or 0, -1) for ad in facts], dtype=np.int64),
        texts=np.array([text_of[each.creative] for each in shown], dtype=np.int64),
        histories=_padded([[place.get(item, -1) for item in moment.steps] for moment in moments]),
        clicked=clicked,
        converted=converted,
        item_pks=list(items),
        words=[*items.values(), *(words for _facts, words in ads.values())],
        next_times=[at for at, _steps_ in next_steps],
        next_histories=_padded([[place[item] for item in steps[1:]] for _at, steps in next_steps]),
        next_items=np.array([place[steps[0]] for _at, steps in next_steps], dtype=np.int64),
    )  # fmt: skip


def _hashes(ad: AdFacts, moment: Moment) -> list[int]:
    return [hash_of(name) for name in categories_of(ad, moment)]


def _impressions(as_of: datetime) -> list[Shown]:
    """Oldest first, the newest `MOST_EXPOSURES`."""
    events = Event.objects.filter(
        type=EventType.AD_IMPRESSION, occurred_at__gte=as_of - READ_WITHIN,
        occurred_at__lt=as_of - CLICK_WITHIN,
    )  # fmt: skip
    rows = events.order_by("-occurred_at", "-id").values_list(
        "occurred_at", "customer_id", "session_id", "properties"
    )
    found = [
        Shown(
            at, customer, session, said["creative"], said["placement"], said["position"], said["shown"]
        )
        for at, customer, session, said in rows[:MOST_EXPOSURES].iterator(5000)
    ]  # fmt: skip
    return found[::-1]


def _ads(creative_pks: set[int]) -> dict[int, tuple[AdFacts, str]]:
    creatives = AdCreative.objects.filter(pk__in=creative_pks).select_related("item").order_by("pk")
    return {each.pk: (facts_of(each, each.item), words_of(each)) for each in creatives}


def _labels(shown: Sequence[Shown], as_of: datetime) -> tuple[np.ndarray, np.ndarray]:
    """Return clicks and conversions; -1 where the window after the click was not over by then.

    One that has come early is not taken either: only those that convert would be known.
    """
    since = shown[0].at if shown else as_of
    clicks = Event.objects.filter(type=EventType.AD_CLICK, occurred_at__gte=since, occurred_at__lt=as_of)
    clicked_at = {
        said["shown"]: at for at, said in clicks.values_list("occurred_at", "properties").iterator(5000)
    }
    bought = AdConversion.objects.filter(clicked_at__gte=since, converted_at__lt=as_of)
    converted = {key.hex for key in bought.values_list("shown", flat=True).iterator(5000)}
    window = timedelta(days=app_settings.AD_ATTRIBUTION_DAYS)
    labels = []
    for each in shown:
        at = clicked_at.get(each.key)
        if at is None:
            labels.append((0, 0))
        elif each.customer is None or at + window > as_of:
            labels.append((1, UNKNOWN))
        else:
            labels.append((1, int(each.key in converted)))
    table = np.array(labels, dtype=np.int64).reshape(-1, 2)
    return table[:, 0], table[:, 1]


def _moments(shown: Sequence[Shown], as_of: datetime) -> list[Moment]:
    """Return what was known of each visitor before each impression."""
    rows: dict[Any, list[int]] = defaultdict(list)
    for number, each in enumerate(shown):
        rows[each.customer or each.session].append(number)
    moments: list[Moment] = [Moment(each.placement, each.at) for each in shown]
    for visitors in _batches([key for key in rows if key]):
        steps, countries = _steps(visitors, as_of), _countries(visitors)
        for key in visitors:
            for number in rows[key]:
                moments[number] = _moment(shown[number], steps.get(key, []), countries.get(key, ""))
    return moments


def _moment(shown: Shown, steps: Sequence[Step], country: str) -> Moment:
    before = bisect_left(steps, shown.at, key=lambda step: step[0])
    first = bisect_left(steps, shown.at - STEPS_WITHIN, key=lambda step: step[0])
    known = steps[first:before][::-1]
    recent = [step for step in known if step[0] >= shown.at - SHOWN_WITHIN]
    counts = {
        kind: dict(Counter(step[3] for step in recent if step[1] == kind and step[3] is not None))
        for kind in (EventType.AD_IMPRESSION, EventType.AD_CLICK)
    }
    return Moment(
        placement=shown.placement, at=shown.at, country=country, is_personal=True,
        steps=[step[2] for step in known if step[1] in STEPS and step[2]][:N_STEPS],
        n_shown=counts[EventType.AD_IMPRESSION], n_clicked=counts[EventType.AD_CLICK],
    )  # fmt: skip


def _steps(visitors: Sequence[Any], as_of: datetime) -> dict[Any, list[Step]]:
    """Return what visitors did, oldest first: kind, item and advertisement."""
    kinds = [*STEPS, EventType.AD_IMPRESSION.value, EventType.AD_CLICK.value]
    events = Event.objects.filter(
        type__in=kinds, occurred_at__gte=as_of - READ_WITHIN - STEPS_WITHIN, occurred_at__lt=as_of
    )
    found: dict[Any, list[Step]] = defaultdict(list)
    for field_name, keys in (
        ("customer_id", [key for key in visitors if isinstance(key, int)]),
        ("session_id", [key for key in visitors if isinstance(key, str)]),
    ):
        rows = events.filter(**{f"{field_name}__in": keys}).order_by("occurred_at")
        columns = rows.values_list(field_name, "occurred_at", "type", "item_id", "properties")
        for key, at, kind, item, said in columns.iterator(5000) if keys else ():
            found[key].append((at, kind, item, said.get("creative") if kind not in STEPS else None))
    return found


def _countries(visitors: Sequence[Any]) -> dict[Any, str]:
    customers = Customer.objects.filter(pk__in=[key for key in visitors if isinstance(key, int)])
    return dict(customers.values_list("pk", "country"))


def _next_steps(as_of: datetime) -> list[tuple[datetime, list[int]]]:
    """Return when customers turned to what, newest first: the next item, and what came before it."""
    events = Event.objects.filter(
        type__in=STEPS, item__isnull=False, customer__isnull=False, occurred_at__gte=as_of - READ_WITHIN,
        occurred_at__lt=as_of,
    )  # fmt: skip
    # An item that is gone leaves no text to read.
    rows = events.filter(item__in=Item.objects.all()).order_by("-occurred_at")
    by_customer: dict[int, list[tuple[datetime, int]]] = defaultdict(list)
    for customer, at, item in rows.values_list("customer_id", "occurred_at", "item_id")[: 4 * MOST_NEXT]:
        by_customer[customer].append((at, item))
    cases = [
        (steps[start][0], [item for _at, item in steps[start : start + 1 + N_STEPS]])
        for steps in by_customer.values()
        for start in range(len(steps) - 1)
    ]
    return [case for case in cases if case[1][0] != case[1][1]][:MOST_NEXT]


def _batches(keys: Sequence[Any]) -> Iterator[list[Any]]:
    rest = iter(keys)
    while batch := list(islice(rest, VISITORS_AT_ONCE)):
        yield batch


def _padded(rows: Sequence[Sequence[int]]) -> np.ndarray:
    table = np.full((len(rows), N_STEPS), -1, dtype=np.int64)
    for number, row in enumerate(rows):
        table[number, : len(row)] = row[:N_STEPS]
    return table


def _table(rows: Sequence[Sequence[Any]], kind: Any) -> np.ndarray:
    width = len(CATEGORIES) if kind is np.int64 else len(NUMBERS)
    return np.array(rows, dtype=kind).reshape(-1, width)
