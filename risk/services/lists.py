"""Lists: put values on, take them off, import and export them, and look an assessment up in them."""

import csv
import ipaddress
import re
from collections.abc import Container, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import Q
from django.utils import timezone
from django.utils.dateparse import parse_date, parse_datetime
from django.utils.translation import gettext as _

from ecomai.exceptions import InvalidInputError, PermissionDeniedError
from ecomai.reading import is_postgresql, read_rows
from ecomai.registry.services import write_audit

from ..app_settings import app_settings
from ..hashing import clean_address, clean_email, clean_ip, hash_entity
from ..models import Assessment, ListEntry

Kind, List = ListEntry.Kind, ListEntry.List
MOST_ENTRIES, MOST_PROBLEMS, AT_ONCE, LONGEST = 100_000, 100, 5_000, 500
COLUMNS = ("list", "kind", "value", "expires_at", "note")
#: The widest networks that may be listed: a whole continent is no list.
WIDEST = {4: 8, 6: 16}
_DOMAIN = re.compile(r"[a-z0-9-]+(\.[a-z0-9-]+)+")
_LOOK_UP = (
    f"SELECT key, list FROM {ListEntry._meta.db_table} "  # noqa: S608
    "WHERE key = ANY(%s) AND (expires_at IS NULL OR expires_at > %s)"
)


@dataclass
class ImportReport:
    """What an import did. `problems` names the first bad lines, by their number."""

    n_stored: int = 0
    n_bad: int = 0
    problems: list[dict[str, Any]] = field(default_factory=list)

    def refuse(self, line: int, reason: str) -> None:
        self.n_bad += 1
        if len(self.problems) < MOST_PROBLEMS:
            self.problems.append({"line": line, "reason": reason})


# -- what a value is kept as --------------------------------------------------------------------


def key_of(storefront: str, kind: str, value: str) -> tuple[UUID, str]:
    """Return a value's hash, equal to that of its entity, and what may be shown of it.

    Raises InvalidInputError where it is no such value.
    """
    value = value.strip()
    if not value or len(value) > LONGEST or "\0" in value:
        raise InvalidInputError(reason=_("a value has from 1 to %(n)s characters.") % {"n": LONGEST})
    if kind == Kind.IP:
        return _network_key(storefront, value)
    clean, shown = _CLEANERS[Kind(kind)](value)
    return hash_entity(storefront, kind, clean), shown


def _network_key(storefront: str, value: str) -> tuple[UUID, str]:
    if "/" not in value:
        found = clean_ip(value)
        if found is None:
            raise InvalidInputError(reason=_("“%(ip)s” is no IP address.") % {"ip": value[:60]})
        return hash_entity(storefront, "ip", found[0]), _network_of(found[0])
    try:
        network = ipaddress.ip_network(value, strict=False)
    except ValueError as error:
        raise InvalidInputError(reason=_("“%(ip)s” is no network.") % {"ip": value[:60]}) from error
    bits = app_settings.IPV4_PREFIX if network.version == 4 else app_settings.IPV6_PREFIX
    if not WIDEST[network.version] <= network.prefixlen <= bits:
        reason = _("a network has from /%(from)s to /%(to)s; narrower than that, name the addresses.")
        raise InvalidInputError(reason=reason % {"from": WIDEST[network.version], "to": bits})
    return hash_entity(storefront, "network", str(network)), str(network)


def _network_of(address: str) -> str:
    found = clean_ip(address)
    return _("an address in %(network)s") % {"network": found[1] if found else ""}


def _email(value: str) -> tuple[str, str]:
    local, domain = clean_email(value)
    if not local or not _DOMAIN.fullmatch(domain):
        raise InvalidInputError(reason=_("“%(value)s” is no e-mail address.") % {"value": value[:60]})
    return f"{local}@{domain}", f"{local[0]}…@{domain}"


def _domain(value: str) -> tuple[str, str]:
    domain = value.lower().removeprefix("@")
    if not _DOMAIN.fullmatch(domain):
        raise InvalidInputError(reason=_("“%(value)s” is no domain.") % {"value": value[:60]})
    return domain, domain[:100]


def _address(value: str) -> tuple[str, str]:
    clean = clean_address(value)
    if not clean:
        raise InvalidInputError(reason=_("an address has letters or digits."))
    return clean, _masked(value)


def _masked(value: str) -> str:
    """Show the ends of what is long enough to stay unknown."""
    return f"{value[:2]}…{value[-2:]}" if len(value) >= 8 else "…"


_CLEANERS = {
    Kind.CUSTOMER: lambda value: (value, value[:100]),
    Kind.CARD: lambda value: (value, _masked(value)),
    Kind.DEVICE: lambda value: (value, _masked(value)),
    Kind.ADDRESS: _address,
    Kind.EMAIL: _email,
    Kind.EMAIL_DOMAIN: _domain,
}


# -- looking up ---------------------------------------------------------------------------------


def keys_of(row: Assessment, *, prefixes: Container[int] | None = None) -> dict[UUID, str]:
    """Return the keys under which anything of an assessment may be listed, with the kind of each.

    `prefixes` names the lengths of the networks that are listed at all; None: it is not known.
    """
    kinds = ("customer", "card", "device", "address", "email", "ip")
    keys = {key: kind for kind in kinds if (key := getattr(row, kind)) is not None}
    if domain := row.shown.get("email_domain"):
        keys[hash_entity(row.storefront, "email_domain", domain)] = "email_domain"
    if shown := row.shown.get("network"):
        network = ipaddress.ip_network(shown)
        for bits in range(WIDEST[network.version], network.prefixlen + 1):
            if prefixes is None or bits in prefixes:
                wider = str(network.supernet(new_prefix=bits))
                keys[hash_entity(row.storefront, "network", wider)] = "ip"
    return keys


#: Where several entries fit, such as an address and its network, the first of these counts.
_WEIGHT = {"allow": 0, "block": 1, "watch": 2}


def lists_of(row: Assessment) -> dict[str, str]:
    """Return the list that each kind of entity of an assessment is on. One query, by an index."""
    keys = keys_of(row)
    return chosen((keys[key], name) for key, name in _listed(list(keys)))


def _listed(keys: list[UUID]) -> list[tuple[UUID, str]]:
    if not keys:
        return []
    if is_postgresql():
        return [(key, name) for key, name in read_rows(_LOOK_UP, (keys, timezone.now()))]
    return list(in_force().filter(key__in=keys).values_list("key", "list"))


def chosen(found: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Return one list for each kind."""
    lists: dict[str, str] = {}
    for kind, name in found:
        if kind not in lists or _WEIGHT[name] < _WEIGHT[lists[kind]]:
            lists[kind] = name
    return lists


def in_force(at: datetime | None = None) -> Any:
    """Entries that have not ended."""
    return ListEntry.objects.filter(Q(expires_at=None) | Q(expires_at__gt=at or timezone.now()))


# -- putting on and taking off ------------------------------------------------------------------


def put_on_list(
    *, storefront: str = "", list: str, kind: str, value: str, note: str = "",
    expires_at: datetime | None = None, user: Any = None, actor_label: str = "",
) -> ListEntry:  # fmt: skip
    """Put a value on a list; one that is on another changes over. Raises InvalidInputError."""
    _check_may(user, "add")
    entry = _entry(storefront, {"list": list, "kind": kind, "value": value, "note": note}, user)
    entry.expires_at = expires_at
    if expires_at is not None and expires_at <= timezone.now():
        raise InvalidInputError(reason=_("it would have ended already."))
    with transaction.atomic():
        _store([entry])
        write_audit(
            action="put_on_list", subject=f"{kind}: {entry.shown}", user=user, actor_label=actor_label,
            details={"list": list, "key": str(entry.key)},
        )  # fmt: skip
    return ListEntry.objects.get(key=entry.key)


def put_many(
    entries: Iterable[Mapping[str, str | None]], *, storefront: str = "", user: Any = None,
    actor_label: str = "",
) -> ImportReport:  # fmt: skip
    """Put values on lists, each as a line of a file has it; good ones are stored beside bad ones."""
    _check_may(user, "add")
    report, good = ImportReport(), []
    for place, given in enumerate(entries, start=1):
        try:
            entry = _entry(storefront, given, user)
            entry.expires_at = _moment(given.get("expires_at") or "")
        except InvalidInputError as error:
            report.refuse(place, str(error.params.get("reason", error)))
        else:
            good.append(entry)
    with transaction.atomic():
        _store(good)
        report.n_stored = len(good)
        details = {"n_stored": report.n_stored, "n_bad": report.n_bad, "storefront": storefront}
        write_audit(
            action="import_list", subject="lists", user=user, actor_label=actor_label, details=details
        )
    return report


def take_off_list(*, entry: ListEntry, user: Any = None, actor_label: str = "") -> None:
    """Take a value off its list; a second call changes nothing."""
    _check_may(user, "delete")
    with transaction.atomic():
        n_removed, _by_model = ListEntry.objects.filter(pk=entry.pk).delete()
        if n_removed:
            write_audit(
                action="take_off_list", subject=f"{entry.kind}: {entry.shown}", user=user,
                actor_label=actor_label, details={"list": entry.list, "key": str(entry.key)},
            )  # fmt: skip


def _check_may(user: Any, action: str) -> None:
    if user is not None and not user.has_perm(f"ecomai_risk.{action}_listentry"):
        raise PermissionDeniedError


def _entry(storefront: str, given: Mapping[str, str | None], user: Any) -> ListEntry:
    entry = _unkeyed(storefront, given, user)
    entry.key, entry.shown = key_of(storefront, entry.kind, given.get("value") or "")
    return entry


def _unkeyed(storefront: str, given: Mapping[str, str | None], user: Any) -> ListEntry:
    name, kind = (given.get("list") or "").strip(), (given.get("kind") or "").strip()
    if name not in List.values:
        raise InvalidInputError(reason=_("there is no list “%(name)s”.") % {"name": name[:40]})
    if kind not in Kind.values:
        raise InvalidInputError(reason=_("there is no kind “%(kind)s”.") % {"kind": kind[:40]})
    note = (given.get("note") or "").replace("\0", "").strip()[:200]
    return ListEntry(storefront=storefront, list=name, kind=kind, note=note, created_by=user)


def _store(entries: list[ListEntry]) -> None:
    """Write entries; of several with one key the last counts. Known ones are rewritten in one order of keys,
    so that two imports at once do not wait for each other for ever.
    """
    by_key = {entry.key: entry for entry in entries}
    ListEntry.objects.bulk_create(
        [by_key[key] for key in sorted(by_key)], batch_size=AT_ONCE, update_conflicts=True,
        unique_fields=["key"],
        update_fields=["list", "shown", "note", "expires_at", "created_by", "created_at"],
    )  # fmt: skip


# -- files --------------------------------------------------------------------------------------


def import_entries(
    lines: Iterable[str], *, storefront: str = "", user: Any = None, actor_label: str = ""
) -> ImportReport:
    """Import a CSV file with the columns list, kind, value, and maybe expires_at and note.

    It is read as it comes; good lines are stored, bad ones named. A column `key` stands for the value in
    what was exported here. Raises InvalidInputError where columns are missing, or entries are too many;
    then nothing is stored.
    """
    _check_may(user, "add")
    reader = csv.DictReader(lines)
    report = ImportReport()
    with transaction.atomic():
        _check_columns(reader)
        entries = _read(reader, storefront, user, report)
        while batch := list(islice(entries, AT_ONCE)):
            _store(batch)
            report.n_stored += len(batch)
        write_audit(
            action="import_list", subject="lists", user=user, actor_label=actor_label,
            details={"n_stored": report.n_stored, "n_bad": report.n_bad, "storefront": storefront},
        )  # fmt: skip
    return report


def _check_columns(reader: csv.DictReader) -> None:
    try:
        names = set(reader.fieldnames or ())
    except (csv.Error, UnicodeDecodeError) as error:
        raise InvalidInputError(reason=_("the file is no CSV file in UTF-8.")) from error
    if not {"list", "kind"} <= names or not names & {"value", "key"}:
        raise InvalidInputError(reason=_("the first line must name the columns list, kind and value."))


def _read(reader: csv.DictReader, storefront: str, user: Any, report: ImportReport) -> Iterator[ListEntry]:
    n_read = 0
    try:
        for given in reader:
            n_read += 1
            if n_read > MOST_ENTRIES:
                raise InvalidInputError(
                    reason=_("a file has at most %(n)s entries; split it.") % {"n": MOST_ENTRIES}
                )
            try:
                yield _read_entry(storefront, given, user)
            except InvalidInputError as error:
                report.refuse(reader.line_num, str(error.params.get("reason", error)))
    except (csv.Error, UnicodeDecodeError) as error:
        reason = _("line %(n)s cannot be read; the file must be CSV in UTF-8.") % {"n": reader.line_num + 1}
        raise InvalidInputError(reason=reason) from error


def _read_entry(storefront: str, given: Mapping[str, str | None], user: Any) -> ListEntry:
    if given.get("key") and not given.get("value"):
        entry = _exported_entry(storefront, given, user)
    else:
        entry = _entry(storefront, given, user)
    entry.expires_at = _moment(given.get("expires_at") or "")
    return entry


def _exported_entry(storefront: str, given: Mapping[str, str | None], user: Any) -> ListEntry:
    """An entry of an export: the value is not in it, its hash is."""
    entry = _unkeyed(storefront, given, user)
    try:
        entry.key = UUID(given.get("key"))
    except ValueError as error:
        raise InvalidInputError(reason=_("its key is none of an export.")) from error
    entry.shown = (given.get("shown") or "…").replace("\0", "")[:100]
    return entry


def _moment(text: str) -> datetime | None:
    text = text.strip()
    if not text:
        return None
    try:
        moment = parse_datetime(text)
        day = None if moment else parse_date(text)
    except ValueError:
        moment = day = None
    if moment is None and day is not None:
        moment = datetime(day.year, day.month, day.day)
    if moment is None:
        raise InvalidInputError(
            reason=_("“%(text)s” is no time; write it as 2027-01-31 or 2027-01-31T12:00Z.")
            % {"text": text[:40]}
        )
    return moment if timezone.is_aware(moment) else timezone.make_aware(moment)


def export_entries(*, storefront: str | None = None, user: Any = None) -> Iterator[list[str]]:
    """Yield the rows of a CSV file of all entries, the columns first. What it has can be imported again here.

    Values are not in it, because they are kept nowhere: their keyed hashes are.
    """
    if user is not None and not user.has_perm("ecomai_risk.view_listentry"):
        raise PermissionDeniedError
    rows = ListEntry.objects.order_by("pk")
    if storefront is not None:
        rows = rows.filter(storefront=storefront)
    yield ["list", "kind", "shown", "key", "expires_at", "note", "storefront"]
    for entry in rows.iterator(chunk_size=AT_ONCE):
        ends = entry.expires_at.isoformat() if entry.expires_at else ""
        # A spreadsheet would take a text that begins so for a formula.
        note = f"'{entry.note}" if entry.note.startswith(("=", "+", "-", "@", "\t", "\r")) else entry.note
        yield [entry.list, entry.kind, entry.shown, str(entry.key), ends, note, entry.storefront]
