"""Segments: make, change and archive them, import and export who is in them."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.text import slugify
from django.utils.translation import gettext as _

from ecomai.commerce.models import Customer
from ecomai.exceptions import InvalidInputError, PermissionDeniedError
from ecomai.registry.services.access import write_audit

from ..exceptions import NameTakenError, SegmentStateError
from ..models import CustomerProfile, Segment, SegmentMember
from ..segments.conditions import parse_condition
from .memberships import start_evaluation, write_changes

APP = "ecomai_marketing"
MOST_IDS, MOST_NAMED, AT_ONCE, LONGEST_ID = 200_000, 100, 2_000, 128
COLUMNS = ("customer_id", "storefront", "since")
#: What a spreadsheet would take for a formula.
FORMULA_SIGNS = ("=", "+", "-", "@", "\t", "\r")


@dataclass
class ImportReport:
    """What an import did; `unknown` names the first ids that no customer has."""

    n_joined: int = 0
    n_already: int = 0
    n_without_consent: int = 0
    n_unknown: int = 0
    unknown: list[str] = field(default_factory=list)


def create_segment(
    *, name: str, condition: Mapping[str, Any] | None, kind: str = Segment.Kind.LIVE, slug: str = "",
    description: str = "", user: Any = None,
) -> Segment:  # fmt: skip
    """Write a segment, and have all customers asked. None as condition is a list that is imported later.

    Raises InvalidConditionError, NameTakenError.
    """
    _check(user, "add_segment")
    _check_kind(kind, condition)
    segment = Segment(
        name=_clean_name(name), kind=kind, description=description[:500], condition=dict(condition or {}),
        slug=slug or _free_slug(name), created_by=user,
    )  # fmt: skip
    with transaction.atomic():
        _save(segment)
        write_audit(action="segment_created", subject=segment, user=user, details={"condition": condition})
        if segment.condition:
            start_evaluation(segment, user=user)
    return segment


def change_segment(
    segment: Segment, *, name: str, condition: Mapping[str, Any] | None, description: str = "",
    user: Any = None,
) -> Segment:  # fmt: skip
    """Change a segment; another condition has all customers asked again. Raises as `create_segment`."""
    _check(user, "change_segment")
    _check_kind(segment.kind, condition)
    with transaction.atomic():
        locked = Segment.objects.select_for_update().get(pk=segment.pk)
        if locked.is_archived:
            raise SegmentStateError(name=locked.name)
        before = locked.condition
        locked.name, locked.description = _clean_name(name), description[:500]
        locked.condition = dict(condition or {})
        _save(locked)
        details = {"before": before, "condition": locked.condition}
        write_audit(action="segment_changed", subject=locked, user=user, details=details)
        if locked.condition and locked.condition != before:
            start_evaluation(locked, user=user)
    return locked


def archive_segment(segment: Segment, *, user: Any = None) -> None:
    """Take a segment out of use; its last members stay to be read, and nobody joins or leaves any more."""
    _set_archived(segment, True, "segment_archived", user)


def restore_segment(segment: Segment, *, user: Any = None) -> None:
    """Take an archived segment into use again; a live one has all customers asked. Raises NameTakenError."""
    with transaction.atomic():
        _set_archived(segment, False, "segment_restored", user)
        if segment.is_live:
            start_evaluation(segment, user=user)


def evaluate_again(segment: Segment, *, user: Any = None) -> None:
    """Have all customers asked; for a fixed segment the way to take in who meets its condition by now."""
    _check(user, "change_segment")
    if segment.is_archived or not segment.condition:
        raise SegmentStateError(name=segment.name)
    with transaction.atomic():
        write_audit(action="segment_evaluated", subject=segment, user=user)
        start_evaluation(segment, user=user)


# -- lists of ids -------------------------------------------------------------------------------


def import_members(
    segment: Segment, ids: Iterable[str], *, storefront: str = "", user: Any = None
) -> ImportReport:
    """Put customers into a fixed segment by the shop's ids; who may not be addressed stays out.

    All or nothing. Raises InvalidInputError for more than `MOST_IDS` ids or for what is no id.
    """
    _check(user, "change_segment")
    if segment.is_live or segment.is_archived:
        raise SegmentStateError(name=segment.name)
    cleaned = _clean_ids(ids)
    report = ImportReport()
    with transaction.atomic():
        for start in range(0, len(cleaned), AT_ONCE):
            _import(segment, cleaned[start : start + AT_ONCE], storefront, report)
        details = {"joined": report.n_joined, "unknown": report.n_unknown}
        write_audit(action="segment_imported", subject=segment, user=user, details=details)
    return report


def _import(segment: Segment, ids: list[str], storefront: str, report: ImportReport) -> None:
    known = dict(
        Customer.objects.filter(storefront=storefront, external_id__in=ids).values_list("external_id", "pk")
    )
    unknown = [each for each in ids if each not in known]
    report.n_unknown += len(unknown)
    report.unknown += unknown[: MOST_NAMED - len(report.unknown)]
    profiles = CustomerProfile.objects.filter(pk__in=known.values()).order_by("pk")
    consents = dict(profiles.select_for_update(no_key=True).values_list("pk", "has_consent"))
    allowed = {pk for pk, has_consent in consents.items() if has_consent}
    report.n_without_consent += len(known) - len(allowed)
    members = SegmentMember.objects.filter(segment=segment, customer_id__in=allowed)
    already = set(members.values_list("customer_id", flat=True))
    report.n_already += len(already)
    report.n_joined += len(allowed - already)
    write_changes(segment, joined=sorted(allowed - already), left=[], at=timezone.now())


def _clean_ids(ids: Iterable[str]) -> list[str]:
    cleaned = [each.strip() for each in islice(ids, MOST_IDS + 1)]
    if len(cleaned) > MOST_IDS:
        raise InvalidInputError(reason=_("at most %(n)s ids can be imported at once.") % {"n": MOST_IDS})
    for number, each in enumerate(cleaned, start=1):
        if len(each) > LONGEST_ID or "\0" in each:
            raise InvalidInputError(reason=_("line %(n)s is no id of a customer.") % {"n": number})
    return list(dict.fromkeys(filter(None, cleaned)))


def export_members(segment: Segment, *, user: Any = None) -> Iterator[list[str]]:
    """Return the rows of a CSV file of who is in a segment, the columns first. Who exports is on record."""
    _check(user, "export_segment")
    write_audit(action="segment_exported", subject=segment, user=user, details={"n": segment.n_members})
    return _exported(segment)


def _exported(segment: Segment) -> Iterator[list[str]]:
    yield list(COLUMNS)
    members = SegmentMember.objects.filter(segment=segment).order_by("customer_id")
    rows = members.values_list("customer__external_id", "customer__storefront", "joined_at")
    for external_id, storefront, joined_at in rows.iterator(chunk_size=AT_ONCE):
        yield [_plain(external_id), _plain(storefront), joined_at.isoformat(timespec="seconds")]


def _plain(text: str) -> str:
    return f"'{text}" if text.startswith(FORMULA_SIGNS) else text


# -- small parts --------------------------------------------------------------------------------


def _check(user: Any, codename: str) -> None:
    """None is the system, which may."""
    if user is not None and not user.has_perm(f"{APP}.{codename}"):
        raise PermissionDeniedError


def _check_kind(kind: str, condition: Mapping[str, Any] | None) -> None:
    if kind not in Segment.Kind.values:
        raise InvalidInputError(reason=_("a segment is live or static."))
    if condition or kind == Segment.Kind.LIVE:
        parse_condition(condition)


def _clean_name(name: str) -> str:
    name = " ".join(name.split())
    if not 1 <= len(name) <= 100 or "\0" in name:
        raise InvalidInputError(reason=_("a segment has a name of 1 to 100 characters."))
    return name


def _free_slug(name: str) -> str:
    base = slugify(name)[:80] or "segment"
    taken = set(Segment.objects.filter(slug__startswith=base).values_list("slug", flat=True))
    return next(
        slug for n in range(len(taken) + 1) if (slug := base if not n else f"{base}-{n + 1}") not in taken
    )


def _save(segment: Segment) -> None:
    try:
        with transaction.atomic():
            segment.save()
    except IntegrityError as error:
        raise NameTakenError(name=segment.name) from error


def _set_archived(segment: Segment, is_archived: bool, action: str, user: Any) -> None:
    _check(user, "change_segment")
    segment.is_archived = is_archived
    segment.passed_until = None
    with transaction.atomic():
        try:
            with transaction.atomic():
                segment.save(update_fields=["is_archived", "passed_until"])
        except IntegrityError as error:
            raise NameTakenError(name=segment.name) from error
        write_audit(action=action, subject=segment, user=user)
