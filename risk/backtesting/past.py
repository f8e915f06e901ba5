"""Past assessments as columns, a few thousand at a time, so that a year of them fits."""

import json
import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import Any
from uuid import UUID

import numpy as np
from numpy.typing import NDArray

from ecomai.condition_columns import Coded

from ..facts import KINDS, LIST_FACTS, TRUTHS, facts_of, feature_place, properties_of, text_fact, texts_fact
from ..features import FEATURE_NAMES, FEATURES_VERSION
from ..features.tokens import STREAMS
from ..models import Assessment, ListEntry
from ..services.lists import chosen, keys_of

AT_ONCE = 5_000
_PREFIX = re.compile(r"/(\d+)")
_LEAST = (
    "id", "received_at", "kind", "storefront", "amount_reporting", "probability", "decision",
    "wanted_decision", "is_fraud", "external_id",
)  # fmt: skip
#: Columns of the table that facts are read from, besides features and payload.
_OF_TEXTS = ("currency", "customer_external_id", "shown")
_OF_LISTS = ("customer", "card", "device", "address", "email", "ip", "shown")
_OF_PAYLOAD = frozenset(
    {"action", "item_id", "title", "text", "categories", "items", "coupons", "properties"}
)


@dataclass
class Listed:
    """Every entry of a storefront: its list, since when, and until when; and how long listed networks are."""

    entries: dict[UUID, tuple[str, datetime, datetime | None]] = field(default_factory=dict)
    prefixes: set[int] = field(default_factory=set)


class PastTable:
    """Some past assessments as a table of facts, such as rules are asked about."""

    def __init__(self, rows: Sequence[Assessment], listed: Listed) -> None:
        self.rows, self._listed = rows, listed
        self.n_rows = len(rows)
        self._coded: dict[str, Coded] = {}
        self._probability: NDArray[np.float64] | None = None

    @cached_property
    def features(self) -> NDArray[np.float64]:
        """Of shape (n_rows, n_features); what is of another version of the features is unknown."""
        table = np.full((self.n_rows, len(FEATURE_NAMES)), math.nan)
        for place, row in enumerate(self.rows):
            if row.features_version == FEATURES_VERSION and len(row.features) == len(FEATURE_NAMES):
                table[place] = np.array(row.features, dtype=float)
        return table

    @property
    def probability(self) -> NDArray[np.float64]:
        """What the model said then, or says by `use_probability`."""
        if self._probability is None:
            given = [math.nan if row.probability is None else row.probability for row in self.rows]
            self._probability = np.array(given, dtype=float)
        return self._probability

    def use_probability(self, values: NDArray[np.float64]) -> None:
        self._probability = values

    @cached_property
    def amounts(self) -> NDArray[np.float64]:
        given = [
            math.nan if row.amount_reporting is None else float(row.amount_reporting) for row in self.rows
        ]
        return np.array(given, dtype=float)

    @cached_property
    def labels(self) -> NDArray[np.int8]:
        """1 fraud, 0 honest, -1 where nothing is known yet."""
        return np.array(
            [-1 if row.is_fraud is None else int(row.is_fraud) for row in self.rows], dtype=np.int8
        )

    # -- the table of `ecomai.condition_columns` --

    def numbers(self, name: str) -> NDArray[np.float64] | None:
        if KINDS[name] != "number":
            return None
        place = feature_place(name)
        return self.probability if place is None else self.features[:, place]

    def coded(self, name: str) -> Coded:
        if name not in self._coded:
            self._coded[name] = self._code(name)
        return self._coded[name]

    def _code(self, name: str) -> Coded:
        if name in TRUTHS:
            column = self.features[:, feature_place(name)]
            return Coded(np.where(np.isnan(column), -1, column != 0).astype(np.int64), (False, True))
        places: dict[Any, int] = {}
        values: list[Any] = []
        codes = np.empty(self.n_rows, dtype=np.int64)
        for place, value in enumerate(self._values(name)):
            key = json.dumps(value, sort_keys=True) if isinstance(value, dict) else value
            if value is not None and key not in places:
                places[key] = len(values)
                values.append(value)
            codes[place] = -1 if value is None else places[key]
        return Coded(codes, values)

    def _values(self, name: str) -> Iterator[Any]:
        if name in LIST_FACTS:
            return (lists.get(LIST_FACTS[name], "") for lists in self._lists)
        if name == "lists":
            return (tuple(sorted(set(lists.values()))) for lists in self._lists)
        if name == "properties":
            return map(properties_of, self.rows)
        read: Any = texts_fact if KINDS[name] == "texts" else text_fact
        return (read(row, name) for row in self.rows)

    @cached_property
    def _lists(self) -> list[dict[str, str]]:
        """What was listed at each moment: an entry made later was not known then."""
        return [self._lists_of(row) for row in self.rows]

    def _lists_of(self, row: Assessment) -> dict[str, str]:
        listed = self._listed.entries
        if not listed:
            return {}
        at, keys = row.received_at, keys_of(row, prefixes=self._listed.prefixes)
        found = ((kind, listed[key]) for key, kind in keys.items() if key in listed)
        return chosen(
            (kind, name) for kind, (name, since, ends) in found if since <= at and (ends is None or at < ends)
        )

    def facts(self, place: int) -> dict[str, Any]:
        probability = float(self.probability[place])
        row = self.rows[place]
        is_current = row.features_version == FEATURES_VERSION
        return facts_of(
            row, features=row.features if is_current else (), lists=self._lists_of(row),
            probability=None if math.isnan(probability) else probability,
        )  # fmt: skip


def past_tables(
    *, kind: str, storefront: str, start: datetime, end: datetime, names: frozenset[str],
    after: tuple[datetime, int] | None = None, with_features: bool = False, most: int | None = None,
    newest_first: bool = False, at_once: int = AT_ONCE,
) -> Iterator[PastTable]:  # fmt: skip
    """Yield the answered assessments of a period, by time. `names` are the facts that will be asked for.

    `after` is the time and key of the last one that was seen: a second attempt goes on behind it.
    """
    rows = Assessment.objects.filter(
        kind=kind, storefront=storefront, received_at__gte=start, received_at__lt=end
    ).exclude(decision="")
    if after is not None:
        rows = rows.filter(received_at__gte=after[0]).exclude(received_at=after[0], pk__lte=after[1])
    order = ("-received_at", "-pk") if newest_first else ("received_at", "pk")
    rows = rows.order_by(*order).only(*columns_for(names, with_features=with_features))
    listed = read_lists(storefront) if names & (LIST_FACTS.keys() | {"lists"}) else Listed()
    batch: list[Assessment] = []
    for row in (rows if most is None else rows[:most]).iterator(chunk_size=at_once):
        batch.append(row)
        if len(batch) == at_once:
            yield PastTable(batch, listed)
            batch = []
    if batch:
        yield PastTable(batch, listed)


def columns_for(names: frozenset[str], *, with_features: bool) -> list[str]:
    """Return the columns that some facts are read from; features are many, so not without need."""
    columns = [*_LEAST, *_OF_TEXTS, *(_OF_LISTS if names & (LIST_FACTS.keys() | {"lists"}) else ())]
    if with_features or any(feature_place(name) is not None for name in names):
        columns += ["features", "features_version"]
    if with_features:
        columns += STREAMS  # of a model that reads the events before
    if names & _OF_PAYLOAD:
        columns.append("payload")
    return list(dict.fromkeys(columns))


def read_lists(storefront: str) -> Listed:
    rows = ListEntry.objects.filter(storefront=storefront)
    found = rows.values_list("key", "list", "kind", "shown", "created_at", "expires_at")
    listed = Listed()
    for key, name, kind, shown, since, ends in found.iterator(chunk_size=AT_ONCE):
        listed.entries[key] = (name, since, ends)
        if kind == ListEntry.Kind.IP:
            # An address is shown by its network; that one more length is looked for does no harm.
            listed.prefixes.update(int(bits) for bits in _PREFIX.findall(shown))
    return listed
