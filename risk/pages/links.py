"""Accounts that share a device, a card or an address: found from one assessment outwards, and drawn."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from django.db.models import Q
from django.utils.text import Truncator
from django.utils.translation import gettext as _

from ..models import Assessment

#: More can neither be drawn so that one sees it, nor found in a blink.
MOST_NODES = 60
#: Of one shared thing, so many newest assessments are looked at: a parcel shop is everybody's address.
MOST_EACH = 40
N_HOPS = 2
SHARED = ("device", "card", "address")
ROW_HEIGHT, TOP = 34, 40
COLUMNS = {"device": 90, "account": 400, "card": 710, "address": 710}
WIDTH = 800
_READ = (
    "pk", "external_id", "customer_external_id", "customer", *SHARED, "shown", "is_fraud", "received_at",
)  # fmt: skip


@dataclass
class Node:
    """An account, or a thing that accounts share. `key` is its kind and hash."""

    key: tuple[str, str]
    kind: str
    label: str
    is_fraud: bool = False
    is_self: bool = False
    n: int = 0
    x: int = 0
    y: int = 0
    neighbours: set[tuple[str, str]] = field(default_factory=set)
    neighbour_labels: list[str] = field(default_factory=list)
    row_pk: int | None = None


@dataclass(frozen=True)
class Edge:
    x1: int
    y1: int
    x2: int
    y2: int
    is_fraud: bool


@dataclass(frozen=True)
class LinkGraph:
    """What is drawn, and the same as a table. `is_cut`: there is more than is shown."""

    nodes: Sequence[Node]
    edges: Sequence[Edge]
    width: int
    height: int
    is_cut: bool

    @property
    def accounts(self) -> list[Node]:
        return [node for node in self.nodes if node.kind == "account"]

    @property
    def shared(self) -> list[Node]:
        return [node for node in self.nodes if node.kind != "account"]

    @property
    def n_fraud(self) -> int:
        return sum(node.is_fraud for node in self.accounts)


def link_graph(assessment: Assessment) -> LinkGraph:
    """Return whoever is linked to an assessment within two steps; one query a step and kind of thing."""
    rows = {assessment.pk: assessment}
    asked: set[tuple[str, UUID]] = set()
    is_cut = False
    for _hop in range(N_HOPS):
        wanted = {
            (kind, value)
            for row in rows.values()
            for kind in SHARED
            if (value := getattr(row, kind)) is not None
        } - asked
        if len(asked) + len(wanted) > MOST_NODES:
            is_cut = True
            wanted = set(sorted(wanted, key=str)[: max(MOST_NODES - len(asked), 0)])
        asked |= wanted
        found, was_cut = _rows_with(assessment, wanted)
        is_cut = is_cut or was_cut
        rows |= {row.pk: row for row in found}
        if _n_accounts(rows.values()) >= MOST_NODES:
            break
    return _laid_out(_nodes(assessment, rows.values()), is_cut)


def _rows_with(assessment: Assessment, wanted: Iterable[tuple[str, UUID]]) -> tuple[list[Assessment], bool]:
    """Return the newest assessments of each thing; the indexes on device, card and address serve it."""
    found: list[Assessment] = []
    is_cut = False
    for kind, value in sorted(wanted, key=str):
        rows = list(
            Assessment.objects.filter(Q(**{kind: value}), storefront=assessment.storefront)
            .order_by("-received_at")
            .only(*_READ)[: MOST_EACH + 1]
        )
        is_cut = is_cut or len(rows) > MOST_EACH
        found += rows[:MOST_EACH]
    return found, is_cut


def _account_key(row: Assessment) -> tuple[str, str]:
    return ("account", str(row.customer) if row.customer else f"guest {row.pk}")


def _n_accounts(rows: Iterable[Assessment]) -> int:
    return len({_account_key(row) for row in rows})


def _nodes(assessment: Assessment, rows: Iterable[Assessment]) -> dict[tuple[str, str], Node]:
    """Build accounts and the things that at least two of them share, nearest first, bounded."""
    nodes: dict[tuple[str, str], Node] = {}
    own = _account_key(assessment)
    for row in sorted(rows, key=lambda one: (_account_key(one) != own, one.received_at, one.pk)):
        key = _account_key(row)
        account = nodes.setdefault(key, Node(key, "account", _account_label(row), is_self=key == own))
        account.n += 1
        account.is_fraud = account.is_fraud or bool(row.is_fraud)
        account.row_pk = account.row_pk or row.pk
        for kind in SHARED:
            if (value := getattr(row, kind)) is not None:
                thing_key = (kind, str(value))
                thing = nodes.setdefault(thing_key, Node(thing_key, kind, _thing_label(kind, row)))
                thing.neighbours.add(key)
                account.neighbours.add(thing_key)
    return nodes


def _account_label(row: Assessment) -> str:
    return Truncator(row.customer_external_id or _("guest")).chars(22)


def _thing_label(kind: str, row: Assessment) -> str:
    """Name a thing by what may be shown of it, else by the beginning of its hash."""
    tail = str(getattr(row, kind))[:6]
    if kind == "card":
        digits = row.shown.get("card_last_digits") or tail
        return _("card …%(digits)s") % {"digits": digits}
    if kind == "device":
        return _("device %(id)s") % {"id": tail}
    return _("address %(id)s") % {"id": tail}


def _laid_out(nodes: dict[tuple[str, str], Node], is_cut: bool) -> LinkGraph:
    shared = [
        node for node in nodes.values()
        if node.kind != "account" and (len(node.neighbours) > 1 or _is_own(node, nodes))
    ]  # fmt: skip
    accounts = [node for node in nodes.values() if node.kind == "account"]
    shared.sort(key=lambda node: -len(node.neighbours))
    kept_accounts, kept_shared = accounts[: MOST_NODES - 20], shared[:20]
    is_cut = is_cut or len(kept_accounts) < len(accounts) or len(kept_shared) < len(shared)
    kept = {node.key: node for node in [*kept_accounts, *kept_shared]}
    for node in kept.values():
        node.neighbours &= set(kept)
        node.neighbour_labels = sorted(kept[key].label for key in node.neighbours)
    height = _place(kept_accounts, kept_shared)
    edges = [
        Edge(kept[key].x, kept[key].y, node.x, node.y, node.is_fraud)
        for node in kept_accounts
        for key in sorted(node.neighbours)
    ]
    return LinkGraph(list(kept.values()), edges, WIDTH, height, is_cut)


def _is_own(node: Node, nodes: dict[tuple[str, str], Node]) -> bool:
    return any(nodes[key].is_self for key in node.neighbours)


def _place(accounts: Sequence[Node], shared: Sequence[Node]) -> int:
    """Put devices left, accounts in the middle, cards and addresses right; each near its neighbours."""
    columns: dict[int, list[Node]] = {}
    for node in [*accounts, *shared]:
        node.x = COLUMNS[node.kind]
        columns.setdefault(node.x, []).append(node)
    height = TOP + ROW_HEIGHT * max((len(column) for column in columns.values()), default=1)
    things = {node.key: place for place, node in enumerate(shared)}
    # Accounts of the same things stand together, so that lines cross little.
    accounts_column = columns.get(COLUMNS["account"], [])
    accounts_column.sort(key=lambda node: (min((things[k] for k in node.neighbours), default=99), node.label))
    _spread(accounts_column, height)
    places = {node.key: node.y for node in accounts_column}
    for x, column in columns.items():
        if x != COLUMNS["account"]:
            column.sort(
                key=lambda node: sum(places[k] for k in node.neighbours) / max(len(node.neighbours), 1)
            )
            _spread(column, height)
    return height


def _spread(column: Sequence[Any], height: int) -> None:
    step = (height - TOP) / max(len(column), 1)
    for place, node in enumerate(column):
        node.y = round(TOP + step * (place + 0.5))
