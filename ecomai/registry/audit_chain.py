"""The audit log as a chain of sealed blocks: who changes, removes or adds an entry afterwards is found out.

Each minute what was written since is sealed: a block holds a keyed digest of each of its entries, and a
keyed digest of these and of the block before it. Without the key (Django's `SECRET_KEY`) nobody can seal
anew. What an erasure takes out of entries, and what is removed for its age, is written down in an entry.
"""

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.db import transaction
from django.utils.crypto import constant_time_compare, salted_hmac
from django.utils.translation import gettext as _

from .models import AuditBlock, AuditEntry

REDACT, REMOVE = "redact_audit_entries", "remove_audit_entries"
MOST_ENTRIES = 1000
_SALT = "ecomai.registry.audit_chain"
Sealed = Sequence[tuple[int, str]]


@dataclass(frozen=True)
class AuditFinding:
    """A block and what is wrong with it or its entries; `entry` is None where it is the block itself."""

    block: int
    entry: int | None
    sentence: str


@dataclass
class AuditReport:
    """What `verify_audit_log` found. Entries that are `n_waiting` are sealed within a minute."""

    n_entries: int = 0
    n_blocks: int = 0
    n_waiting: int = 0
    n_redacted: int = 0
    n_removed: int = 0
    findings: tuple[AuditFinding, ...] = ()

    @property
    def is_sound(self) -> bool:
        return not self.findings


# -- sealing --------------------------------------------------------------------------------------


def seal_audit_log() -> int:
    """Seal what was written since the last time, and return how many entries; safe to call at any time."""
    n_sealed = 0
    while n_new := _seal_block():
        n_sealed += n_new
    return n_sealed


@transaction.atomic
def _seal_block() -> int:
    last = AuditBlock.objects.select_for_update().order_by("-number").first()
    entries = list(AuditEntry.objects.filter(block=None).order_by("pk")[:MOST_ENTRIES])
    if not entries:
        return 0
    sealed = [(entry.pk, entry_digest(entry)) for entry in entries]
    previous = last.digest if last else ""
    # Two that seal at once collide on the number, and one of them begins anew a minute later.
    block = AuditBlock.objects.create(
        number=last.number + 1 if last else 1, previous=previous, entries=sealed,
        digest=_digest([previous, sealed]),
    )  # fmt: skip
    return AuditEntry.objects.filter(pk__in=[pk for pk, _entry in sealed]).update(block=block)


def entry_digest(entry: AuditEntry, *, secret: str | bytes | None = None) -> str:
    """Return the keyed digest of all that an entry says. Who the actor's row is does not count: users go."""
    said = [entry.pk, entry.action, entry.subject, entry.actor_label, entry.request_id, entry.details]
    return _digest([*said, entry.created_at.isoformat()], secret=secret)


def _digest(value: Any, *, secret: str | bytes | None = None) -> str:
    text = json.dumps(_plain(value), sort_keys=True, separators=(",", ":"))
    return salted_hmac(_SALT, text, secret=secret, algorithm="sha256").hexdigest()


def _plain(value: Any) -> Any:
    """A database may give 1.0 back as 1, and a pair as a list."""
    if isinstance(value, dict):
        return {key: _plain(one) for key, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(one) for one in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value


# -- what is allowed to change --------------------------------------------------------------------


def note_redactions(pks: Iterable[int]) -> None:
    """Write down that entries were changed by an erasure, with what they are now."""
    from .services.access import write_audit

    changed = AuditEntry.objects.filter(pk__in=list(pks))
    digests = {str(entry.pk): entry_digest(entry) for entry in changed.exclude(block=None)}
    if digests:
        write_audit(action=REDACT, subject="audit log", details={"entries": digests})


def remove_entries_before(moment: Any) -> int:
    """Remove whole blocks of entries that are all older, and write down up to which block."""
    from .services.access import write_audit

    seal_audit_log()
    with transaction.atomic():
        young = AuditBlock.objects.filter(audit_entries__created_at__gte=moment).order_by("number").first()
        old = AuditBlock.objects.filter(is_removed=False)
        numbers = list(
            (old.filter(number__lt=young.number) if young else old).values_list("number", flat=True)
        )
        if not numbers:
            return 0
        n_removed = AuditEntry.objects.filter(block__number__in=numbers).delete()[0]
        AuditBlock.objects.filter(number__in=numbers).update(is_removed=True)
        if n_removed:
            write_audit(action=REMOVE, subject="audit log", details={"up_to_block": max(numbers)})
    return n_removed


# -- verifying ------------------------------------------------------------------------------------


def verify_audit_log(*, n_newest: int | None = None) -> AuditReport:
    """Compare every entry with its seal, and every block with the one before it; name what does not agree.

    With `n_newest`, only so many blocks are looked at, the last ones.
    """
    report = AuditReport(n_waiting=AuditEntry.objects.filter(block=None).count())
    findings: list[AuditFinding] = []
    allowed = _Allowed()
    previous, expected = _before(n_newest)
    for block in AuditBlock.objects.filter(number__gte=expected).order_by("number").iterator(chunk_size=20):
        report.n_blocks += 1
        if block.number != expected:
            gap = _("Blocks %(first)s to %(last)s are missing.")
            sentence = gap % {"first": expected, "last": block.number - 1}
            findings.append(AuditFinding(block=block.number, entry=None, sentence=sentence))
        elif block.previous != previous or not _is_own(block):
            sentence = _("Block %(number)s was changed after it was sealed.") % {"number": block.number}
            findings.append(AuditFinding(block=block.number, entry=None, sentence=sentence))
        previous, expected = block.digest, block.number + 1
        if block.number <= allowed.removed_up_to:
            report.n_removed += len(block.entries)
            continue
        report.n_entries += len(block.entries)
        findings += _problems_of(block, allowed, report)
    report.findings = tuple(findings)
    return report


def _before(n_newest: int | None) -> tuple[str, int]:
    """Return the digest that the first block to look at must name, and its number."""
    last = AuditBlock.objects.order_by("-number").first()
    if n_newest is None or last is None or last.number <= n_newest:
        return "", 1
    number = last.number - n_newest + 1
    previous = AuditBlock.objects.filter(number=number - 1).first()
    return previous.digest if previous else "", number


class _Allowed:
    """What entries say was redacted or removed. These entries are sealed like all others."""

    def __init__(self) -> None:
        self.digests: dict[int, set[str]] = {}
        for details in AuditEntry.objects.filter(action=REDACT).values_list("details", flat=True):
            for pk, digest in details.get("entries", {}).items():
                self.digests.setdefault(int(pk), set()).add(digest)
        removals = AuditEntry.objects.filter(action=REMOVE).values_list("details", flat=True)
        self.removed_up_to = max((details.get("up_to_block", 0) for details in removals), default=0)


def _is_own(block: AuditBlock) -> bool:
    return any(
        constant_time_compare(block.digest, _digest([block.previous, block.entries], secret=secret))
        for secret in _secrets()
    )


def _secrets() -> list[str | bytes]:
    """A shop may have changed its key since."""
    return [settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS]


def _problems_of(block: AuditBlock, allowed: _Allowed, report: AuditReport) -> Iterator[AuditFinding]:
    sealed = dict(block.entries)
    rows = {entry.pk: entry for entry in AuditEntry.objects.filter(pk__in=list(sealed))}
    for pk, digest in sealed.items():
        entry = rows.get(pk)
        if entry is None:
            sentence = _("Entry %(pk)s was removed after it was sealed.") % {"pk": pk}
            yield AuditFinding(block=block.number, entry=pk, sentence=sentence)
            continue
        digests = {entry_digest(entry, secret=secret) for secret in _secrets()}
        if digest in digests:
            continue
        if digests & allowed.digests.get(pk, set()):
            report.n_redacted += 1
            continue
        sentence = _("Entry %(pk)s was changed after it was sealed.") % {"pk": pk}
        yield AuditFinding(block=block.number, entry=pk, sentence=sentence)
    strangers = AuditEntry.objects.filter(block=block).exclude(pk__in=list(sealed))
    for pk in strangers.values_list("pk", flat=True):
        sentence = _("Entry %(pk)s was put into a sealed block.") % {"pk": pk}
        yield AuditFinding(block=block.number, entry=pk, sentence=sentence)


# -- exporting ------------------------------------------------------------------------------------


def exported_lines() -> Iterator[str]:
    """Yield every entry as a line of JSON, oldest first, with its block and the block's digest."""
    for entry in AuditEntry.objects.select_related("block").order_by("pk").iterator(chunk_size=2000):
        said = {
            "id": entry.pk, "at": entry.created_at.isoformat(), "by": entry.actor_label,
            "action": entry.action, "subject": entry.subject, "details": entry.details,
            "request_id": entry.request_id,
            "block": entry.block.number if entry.block else None,
            "block_digest": entry.block.digest if entry.block else None,
        }  # fmt: skip
        yield json.dumps(said, ensure_ascii=False) + "\n"
