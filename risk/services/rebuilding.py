"""States folded again from what is kept, while questions are answered; then they take the place of the old.

History is read in its order, some thousands of moments at a time. Each part loads the states that it names
from `RebuiltState`, folds, writes them back and notes how far it came, in one transaction: so memory is
bounded, and who is interrupted goes on. Questions keep folding into `EntityState` meanwhile. At the end
nobody may write to that for a moment, the rest is folded, and the two tables change their names.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import connection, transaction
from django.db.models import Q, QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _

from ..features import FEATURES_VERSION, LabelMoment, Moment, State, replay
from ..hashing import hash_entity, key_check
from ..models import Assessment, EntityState, Label, RebuiltState, StateRebuild
from ..normalising import entities_of, event_of
from ..replaying import kept_values

AT_ONCE = 2000
#: Transactions end in an order of their own: what came within the last minute may not all be there yet.
SETTLED = timedelta(seconds=60)
#: Called with how many moments are done, and how many there were at the beginning.
Progress = Callable[[int, int], None]


def why_needed() -> str:
    """Return why states must be folded again, as a sentence; '' where they need not."""
    last = StateRebuild.objects.exclude(done_at=None).order_by("-pk").first()
    if last is None or not EntityState.objects.exists():
        return ""
    if last.key_check != key_check():
        return _("The key of the hashes was changed: nobody who came before is known again.")
    if last.features_version != FEATURES_VERSION:
        return _("What is kept of customers, cards and devices was folded for other features.")
    return ""


def note_first(*, using: str = "default") -> None:
    """Note key and features of states that are folded from now on, where nothing is noted yet."""
    if not StateRebuild.objects.using(using).exists():
        StateRebuild.objects.using(using).create(done_at=timezone.now(), **_now())


def rebuild_states(*, progress: Progress = lambda n_done, n_total: None, at_once: int = AT_ONCE) -> int:
    """Fold history again, and return how many assessments and labels that were; go on where it was ended."""
    rebuild = _current()
    n_total = rebuild.n_done + _assessments(rebuild).count() + _labels(rebuild).count()
    while _fold_some(rebuild.pk, until=timezone.now() - SETTLED, at_once=at_once):
        rebuild.refresh_from_db()
        progress(rebuild.n_done, max(n_total, rebuild.n_done))
    with transaction.atomic():
        _wait_for_questions()
        while _fold_some(rebuild.pk, until=None, at_once=at_once):
            pass
        _change_names()
        StateRebuild.objects.filter(pk=rebuild.pk).update(done_at=timezone.now())
    RebuiltState.objects.all().delete()
    rebuild.refresh_from_db()
    progress(rebuild.n_done, rebuild.n_done)
    return rebuild.n_done


def start_again() -> None:
    """Begin an unfinished rebuild anew: it may have read what was erased now. Inside that transaction."""
    rebuilds = StateRebuild.objects.select_for_update().filter(done_at=None)
    if rebuilds.exists():
        rebuilds.update(n_done=0, at=None, place=0, row=0)
        RebuiltState.objects.all().delete()


def _now() -> dict[str, Any]:
    return {"key_check": key_check(), "features_version": FEATURES_VERSION}


@transaction.atomic
def _current() -> StateRebuild:
    """Return the rebuild that goes on, or a new one; one with another key is worth nothing."""
    unfinished = StateRebuild.objects.select_for_update().filter(done_at=None)
    if rebuild := unfinished.filter(**_now()).first():
        return rebuild
    unfinished.delete()
    RebuiltState.objects.all().delete()
    return StateRebuild.objects.create(**_now())


def _assessments(rebuild: StateRebuild) -> QuerySet[Assessment]:
    rows = Assessment.objects.exclude(features_version=0).order_by("received_at", "pk")
    return rows.filter(_after(rebuild, "received_at", place=0)) if rebuild.at else rows


def _labels(rebuild: StateRebuild) -> QuerySet[Label]:
    rows = Label.objects.exclude(change=0).select_related("assessment").order_by("recorded_at", "pk")
    return rows.filter(_after(rebuild, "recorded_at", place=1)) if rebuild.at else rows


def _after(rebuild: StateRebuild, field: str, *, place: int) -> Q:
    later = Q(**{f"{field}__gt": rebuild.at})
    if place < rebuild.place:
        return later
    row = rebuild.row if place == rebuild.place else -1
    return later | Q(**{field: rebuild.at, "pk__gt": row})


@dataclass(frozen=True)
class _Step:
    """An assessment or a label in its order."""

    at: datetime
    place: int
    row: Any

    @property
    def order(self) -> tuple[datetime, int, int]:
        return self.at, self.place, self.row.pk

    @property
    def assessment(self) -> Assessment:
        return self.row.assessment if self.place else self.row

    def moment(self) -> Moment | LabelMoment:
        event = event_of(self.assessment)
        return (
            LabelMoment(self.at.timestamp(), event, self.row.change)
            if self.place
            else Moment(self.row, event)
        )


@transaction.atomic
def _fold_some(pk: int, *, until: datetime | None, at_once: int) -> int:
    """Fold the next moments, and return how many those were."""
    rebuild = StateRebuild.objects.select_for_update().get(pk=pk)
    assessments, labels = _assessments(rebuild), _labels(rebuild)
    if until is not None:
        assessments, labels = assessments.filter(received_at__lt=until), labels.filter(recorded_at__lt=until)
    steps = [_Step(row.received_at, 0, row) for row in assessments[:at_once]]
    steps += [_Step(row.recorded_at, 1, row) for row in labels[:at_once]]
    steps = sorted(steps, key=lambda step: step.order)[:at_once]
    if not steps:
        return 0
    _hash_customers_anew([step.assessment for step in steps])
    states = _States(steps)
    old = []
    for row, values in replay([step.moment() for step in steps], states):
        if row.features_version != FEATURES_VERSION:
            row.features, row.features_version = kept_values(values), FEATURES_VERSION
            old.append(row)
    Assessment.objects.bulk_update(old, ["features", "features_version"], batch_size=200)
    states.write()
    last = steps[-1]
    rebuild.at, rebuild.place, rebuild.row = last.at, last.place, last.row.pk
    rebuild.n_done += len(steps)
    rebuild.save(update_fields=["at", "place", "row", "n_done"])
    return len(steps)


def _hash_customers_anew(rows: Iterable[Assessment]) -> None:
    """Customers are known by their id, so their hash by today's key can be made; that of a guest cannot."""
    changed = {}
    for row in rows:
        if not row.customer_external_id:
            continue
        customer = hash_entity(row.storefront, EntityState.Kind.CUSTOMER, row.customer_external_id)
        if row.customer != customer:
            row.customer = customer
            changed[row.pk] = row
    Assessment.objects.bulk_update(changed.values(), ["customer"], batch_size=500)


class _States:
    """The states of `RebuiltState`, read when they are named; at most those of one part are in memory."""

    def __init__(self, steps: Sequence[_Step]) -> None:
        self._known: dict[bytes, State] = {}
        self._about: dict[bytes, tuple[str, str]] = {}
        for step in steps:
            for kind, pk in entities_of(step.assessment).items():
                self._about[pk.bytes] = (step.assessment.storefront, kind)
        self._read(self._about)

    def __contains__(self, key: object) -> bool:
        return isinstance(key, bytes) and (key in self._known or self._read([key]))

    def __getitem__(self, key: bytes) -> State:
        return self._known[key]

    def setdefault(self, key: bytes, default: State) -> State:
        return self._known.setdefault(key, default)

    def _read(self, keys: Iterable[bytes]) -> bool:
        ids = [UUID(bytes=key) for key in keys]
        n_before = len(self._known)
        for start in range(0, len(ids), 1000):
            for row in RebuiltState.objects.filter(pk__in=ids[start : start + 1000]):
                self._known[row.pk.bytes] = State.decode(bytes(row.state))
                self._about[row.pk.bytes] = (row.storefront, row.kind)
        return len(self._known) > n_before

    def write(self) -> None:
        rows = [
            RebuiltState(
                id=UUID(bytes=key), storefront=self._about[key][0], kind=self._about[key][1],
                state=state.encode(), updated_at=datetime.fromtimestamp(state.last, UTC),
            )
            for key, state in self._known.items()
        ]  # fmt: skip
        RebuiltState.objects.bulk_create(
            rows, batch_size=500, update_conflicts=True, unique_fields=["id"],
            update_fields=["state", "updated_at"],
        )  # fmt: skip


def _wait_for_questions() -> None:
    """Wait until no transaction writes states, and let none begin to; for the rest of this one.

    Questions that come now wait as long as their time budget lasts, and go on without their history after it.
    """
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute(f"LOCK TABLE {_quoted(EntityState)} IN ACCESS EXCLUSIVE MODE")


def _change_names() -> None:
    """Let the tables change their names: nothing is copied, however much there is."""
    old, new, between = _quoted(EntityState), _quoted(RebuiltState), '"ecomai_risk_states_between"'
    with connection.cursor() as cursor:
        for one, other in ((old, between), (new, old), (between, new)):
            cursor.execute(f"ALTER TABLE {one} RENAME TO {other}")


def _quoted(model: Any) -> str:
    return connection.ops.quote_name(model._meta.db_table)
