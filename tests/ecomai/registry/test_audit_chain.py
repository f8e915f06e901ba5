"""An audit log that nobody changes unnoticed."""

import json
from datetime import timedelta
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.urls import reverse
from django.utils import timezone

from ecomai.registry import tasks
from ecomai.registry.audit_chain import (
    note_redactions,
    remove_entries_before,
    seal_audit_log,
    verify_audit_log,
)
from ecomai.registry.models import AuditBlock, AuditEntry
from ecomai.registry.services.access import write_audit

pytestmark = pytest.mark.django_db


def write(n, **details):
    return [
        write_audit(action="promote", subject=f"model {i}", details={"n": 1.0, **details}) for i in range(n)
    ]


@pytest.fixture
def log():
    """Three blocks of two entries."""
    entries = []
    for _ in range(3):
        entries += write(2)
        tasks.seal_audit_log()  # what beat calls each minute
    return entries


def sentences():
    return [finding.sentence for finding in verify_audit_log().findings]


def test_what_the_application_wrote_is_whole(log):
    write(1)
    report = verify_audit_log()
    assert (report.n_entries, report.n_blocks, report.n_waiting, report.is_sound) == (6, 3, 1, True)


def test_an_empty_log_is_whole():
    assert seal_audit_log() == 0
    assert verify_audit_log().is_sound


@pytest.mark.parametrize(
    "change",
    [
        {"details": {"n": 2}}, {"actor_label": "nobody"}, {"subject": "another"}, {"action": "retire"},
        {"created_at": timezone.now() - timedelta(days=1)},
    ],
    ids=["details", "who", "subject", "what", "when"],
)  # fmt: skip
def test_a_changed_entry_is_named(log, change):
    AuditEntry.objects.filter(pk=log[2].pk).update(**change)
    assert sentences() == [f"Entry {log[2].pk} was changed after it was sealed."]


def test_an_entry_changed_and_sealed_anew_is_named(log):
    AuditEntry.objects.filter(pk=log[2].pk).update(details={"n": 2}, block=None)
    seal_audit_log()
    assert f"Entry {log[2].pk} was changed after it was sealed." in sentences()


def test_a_removed_entry_is_named(log):
    AuditEntry.objects.filter(pk=log[5].pk).delete()
    assert sentences() == [f"Entry {log[5].pk} was removed after it was sealed."]


def test_an_entry_put_in_afterwards_is_named(log):
    (stranger,) = write(1)
    AuditEntry.objects.filter(pk=stranger.pk).update(block=log[0].block_id or AuditBlock.objects.first())
    assert sentences() == [f"Entry {stranger.pk} was put into a sealed block."]


def test_a_forged_block_is_named(log):
    block = AuditBlock.objects.get(number=2)
    block.entries[0][1] = "0" * 64
    block.save()
    assert "Block 2 was changed after it was sealed." in sentences()


def test_the_newest_blocks_alone_can_be_compared(log):
    AuditEntry.objects.filter(pk=log[0].pk).update(subject="x")
    assert verify_audit_log(n_newest=2).is_sound
    assert verify_audit_log(n_newest=2).n_blocks == 2
    assert not verify_audit_log(n_newest=3).is_sound
    AuditBlock.objects.filter(number=1).update(digest="0" * 64)
    assert not verify_audit_log(n_newest=2).is_sound, "the first of them names another block before it"


def test_a_missing_block_is_named(log):
    AuditEntry.objects.filter(block__number=2).delete()
    AuditBlock.objects.get(number=2).delete()
    assert sentences() == ["Blocks 2 to 2 are missing."]


def test_another_key_cannot_seal_and_an_earlier_key_still_verifies(log, settings):
    earlier = settings.SECRET_KEY
    settings.SECRET_KEY = "another-key-of-the-shop-that-is-long-enough"
    assert not verify_audit_log().is_sound
    settings.SECRET_KEY_FALLBACKS = [earlier]
    write(1)
    seal_audit_log()
    assert verify_audit_log().is_sound


def test_an_erasure_is_written_down_and_no_finding(log):
    AuditEntry.objects.filter(pk=log[1].pk).update(subject="[erased]")
    note_redactions([log[1].pk])
    seal_audit_log()
    report = verify_audit_log()
    assert (report.is_sound, report.n_redacted) == (True, 1)
    AuditEntry.objects.filter(pk=log[1].pk).update(subject="somebody else")
    assert sentences() == [f"Entry {log[1].pk} was changed after it was sealed."]


def test_old_blocks_are_removed_whole_and_written_down(log):
    old = [entry.pk for entry in log[:3]]
    AuditEntry.objects.all().delete()
    AuditBlock.objects.all().delete()
    long_ago = timezone.now() - timedelta(days=4000)
    for pk in old:
        AuditEntry.objects.create(pk=pk, action="promote", subject="old", created_at=long_ago)
    seal_audit_log()
    write(1)
    seal_audit_log()
    assert remove_entries_before(timezone.now() - timedelta(days=365)) == 3
    seal_audit_log()
    report = verify_audit_log()
    assert (report.is_sound, report.n_removed) == (True, 3)
    assert remove_entries_before(timezone.now() - timedelta(days=365)) == 0


def test_the_command_says_what_is_wrong(log):
    out = StringIO()
    call_command("ecomai_verify_audit", stdout=out)
    assert "6 entries in 3 blocks are as they were written" in out.getvalue()
    AuditEntry.objects.filter(pk=log[0].pk).update(subject="x")
    with pytest.raises(CommandError, match="1 findings in 3 blocks"):
        call_command("ecomai_verify_audit", stdout=StringIO())


def test_the_admin_verifies_and_exports(log, admin_client):
    page = admin_client.get(reverse("admin:ecomai_registry_audit_verify"))
    assert "Every sealed entry is as it was written." in page.content.decode()
    lines = b"".join(admin_client.get(reverse("admin:ecomai_registry_audit_export"))).decode().splitlines()
    first = json.loads(lines[0])
    assert (first["id"], first["subject"], first["block"]) == (log[0].pk, "model 0", 1)
    AuditEntry.objects.filter(pk=log[0].pk).update(subject="x")
    page = admin_client.get(reverse("admin:ecomai_registry_audit_verify")).content.decode()
    assert f"Entry {log[0].pk} was changed after it was sealed." in page


@pytest.mark.parametrize("name", ["audit_verify", "audit_export"])
def test_who_may_not_see_the_log_may_not_verify_it(client, django_user_model, name):
    client.force_login(django_user_model.objects.create_user("clerk", password="x", is_staff=True))
    assert client.get(reverse(f"admin:ecomai_registry_{name}")).status_code == 403
