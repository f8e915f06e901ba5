"""Chargebacks from a file: each row becomes a label, or is named with the reason why not."""

import csv
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from django.utils import timezone
from django.utils.dateparse import parse_date, parse_datetime
from django.utils.translation import gettext as _

from ecomai.commerce.exceptions import MissingColumnError, NotUtf8Error, UnreadableFileError
from ecomai.exceptions import EcomaiError

from ..exceptions import InvalidQuestionError
from ..models import Label
from .labels import label_by_id

YES, NO = frozenset({"", "1", "yes", "true", "y"}), frozenset({"0", "no", "false", "n"})


@dataclass
class ImportOutcome:
    """What became of a file. `problems` are numbers of rows, counted from 1 below the header, and why."""

    n_labels: int = 0
    n_known: int = 0
    problems: list[tuple[int, str]] = field(default_factory=list)


def import_chargebacks(path: Path, *, kind: str, storefront: str = "") -> ImportOutcome:
    """Label what a CSV file names. A row without a `reference` is known by order, time and verdict.

    Raises UnreadableFileError and its like for a file that cannot be read at all; a bad row stops nothing.
    """
    outcome = ImportOutcome()
    for number, row in enumerate(_rows(path), start=1):
        try:
            is_new = _label(row, kind=kind, storefront=storefront)
        except EcomaiError as error:
            outcome.problems.append((number, str(error)))
        else:
            outcome.n_labels += is_new
            outcome.n_known += not is_new
    return outcome


def _rows(path: Path) -> list[dict[str, str]]:
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file)
            if "order_id" not in (reader.fieldnames or ()):
                present = ", ".join(reader.fieldnames or ()) or "-"
                raise MissingColumnError(file=path.name, columns="order_id", present=present)
            return list(reader)
    except UnicodeDecodeError as error:
        raise NotUtf8Error(file=path.name, row="?") from error
    except (OSError, csv.Error) as error:
        raise UnreadableFileError(file=path.name, reason=str(error)) from error


def _label(row: dict[str, str], *, kind: str, storefront: str) -> bool:
    """Record one row's label; whether it is new."""
    order_id = (row.get("order_id") or "").strip()
    known_at = _moment((row.get("known_at") or "").strip())
    is_fraud = _verdict((row.get("is_fraud") or "").strip().lower())
    reference = (row.get("reference") or "").strip()[:128]
    reference = reference or f"{order_id} {known_at:%Y-%m-%dT%H:%M:%S} {is_fraud}"[:128]
    known = Label.objects.filter(
        assessment__storefront=storefront, assessment__kind=kind, assessment__external_id=order_id,
        source=Label.Source.CHARGEBACK, reference=reference,
    )  # fmt: skip
    if known.exists():
        return False
    label_by_id(
        storefront=storefront, kind=kind, external_id=order_id, is_fraud=is_fraud,
        source=Label.Source.CHARGEBACK, known_at=known_at, reference=reference,
    )  # fmt: skip
    return True


def _moment(text: str) -> datetime:
    """A moment, or the beginning of a day in the shop's zone; a file without one is of today."""
    if not text:
        return timezone.localtime().replace(hour=0, minute=0, second=0, microsecond=0)
    try:
        moment = parse_datetime(text)
        day = parse_date(text[:10]) if moment is None else None
    except ValueError:
        moment = day = None
    if moment is None and day is not None:
        moment = datetime(day.year, day.month, day.day)
    if moment is None:
        raise InvalidQuestionError(reason=_("“%(text)s” is no date.") % {"text": text[:40]})
    moment = timezone.make_aware(moment) if timezone.is_naive(moment) else moment
    return min(moment, timezone.now())


def _verdict(text: str) -> bool:
    if text in YES | NO:
        return text in YES
    raise InvalidQuestionError(reason=_("“%(text)s” is neither yes nor no.") % {"text": text[:40]})
