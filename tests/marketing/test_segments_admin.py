"""The admin's pages of segments: list, builder, preview, one segment, import and export."""

import json
import random
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Permission
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from ecomai.registry.jobs import execute_job
from ecomai.registry.models import Job
from marketing.admin import segments as admin_pages
from marketing.models import Segment
from marketing.pages import segments as pages
from marketing.segments import counting
from marketing.services import segments as services

from .segment_shop import plant

pytestmark = pytest.mark.django_db

VIEWED: dict[str, Any] = {"event": "view", "days": 7}


def address(name: str, *args: Any) -> str:
    return reverse(f"admin:ecomai_marketing_segment_{name}", args=args)


@pytest.fixture
def boss(client: Client) -> Client:
    client.force_login(get_user_model().objects.create_superuser("boss", password="x"))
    return client


@pytest.fixture
def viewer(client: Client) -> Client:
    """May see segments, and no more."""
    user = get_user_model().objects.create_user("viewer", is_staff=True)
    user.user_permissions.add(Permission.objects.get(codename="view_segment"))
    client.force_login(user)
    return client


def filled() -> Segment:
    plant(random.Random(1), timezone.now())
    segment = services.create_segment(name="Lookers", condition=VIEWED)
    execute_job(Job.objects.get(kind="marketing.segment").pk)
    segment.refresh_from_db()
    return segment


def test_an_empty_list_says_what_a_segment_is(boss):
    assert "There is no segment yet" in boss.get(address("changelist")).content.decode()
    assert "Nothing is archived" in boss.get(address("changelist"), {"archived": "1"}).content.decode()


def test_the_list_costs_as_many_queries_for_many_as_for_one(boss):
    def count() -> int:
        with CaptureQueriesContext(connection) as queries:
            assert boss.get(address("changelist")).status_code == 200
        return len(queries)

    filled()
    few = count()
    for number in range(5):
        Segment.objects.create(name=f"S{number}", slug=f"s{number}", condition=VIEWED)
    assert count() == few


def test_a_segment_is_saved_from_the_builder_and_shown(boss):
    sent = {"name": "Lookers", "description": "d", "kind": "live", "condition": json.dumps(VIEWED)}
    answer = boss.post(address("add"), sent, follow=True)
    segment = Segment.objects.get()
    assert answer.redirect_chain == [(address("change", segment.pk), 302)]
    assert segment.condition == VIEWED
    changed = sent | {"name": "Others", "condition": json.dumps({"not": VIEWED})}
    assert boss.post(address("edit", segment.pk), changed).status_code == 302
    segment.refresh_from_db()
    assert (segment.name, segment.condition) == ("Others", {"not": VIEWED})


@pytest.mark.parametrize("condition", ["", "{", "[]", '{"all": []}', "[" * 5000])
def test_a_condition_that_cannot_be_read_keeps_what_was_written(boss, condition):
    answer = boss.post(address("add"), {"name": "Kept name", "kind": "live", "condition": condition})
    assert answer.status_code == 200
    assert "Kept name" in answer.content.decode()
    assert "not saved" in answer.content.decode()
    assert not Segment.objects.exists()


def test_a_preview_counts_or_says_what_is_wrong(boss):
    segment = filled()

    def preview(condition: Any) -> str:
        sent = {"condition": json.dumps(condition)}
        return boss.post(address("preview"), sent).content.decode()

    assert f"{segment.n_members} customers meet this now" in preview(VIEWED)
    assert "Nobody meets this now" in preview({"event": "chat"})
    wrong = preview({"all": [VIEWED, {"field": "n_orders", "op": ">=", "value": None}]})
    assert 'data-path="all[1].value"' in wrong


def test_a_count_that_takes_too_long_is_stopped_and_says_so(boss, monkeypatch):
    filled()
    monkeypatch.setattr(pages, "COUNT_SECONDS", 0.05)

    def slow(*args: Any, **kwargs: Any) -> Any:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_sleep(5)")

    monkeypatch.setattr(counting, "select_profiles", slow)
    answer = boss.post(address("preview"), {"condition": json.dumps(VIEWED)}).content.decode()
    assert "took longer than 0.05 seconds" in answer
    with connection.cursor() as cursor:
        cursor.execute("SHOW statement_timeout")
        assert cursor.fetchone()[0] == "0"


def test_a_segments_page_shows_history_and_what_it_shares(boss):
    segment = filled()
    other = services.create_segment(name="Same", condition=VIEWED)
    execute_job(Job.objects.filter(kind="marketing.segment").latest("pk").pk)
    text = boss.get(address("change", segment.pk)).content.decode()
    assert other.name in text
    assert "100 %" in text
    assert "Customers in the segment" in text


def test_archiving_asks_once_more_and_can_be_undone(boss):
    segment = filled()
    assert "can be restored" in boss.get(address("action", segment.pk, "archive")).content.decode()
    boss.post(address("action", segment.pk, "archive"))
    segment.refresh_from_db()
    assert segment.is_archived
    assert "Lookers" in boss.get(address("changelist"), {"archived": "1"}).content.decode()
    boss.post(address("action", segment.pk, "restore"))
    segment.refresh_from_db()
    assert not segment.is_archived
    assert boss.get(address("action", segment.pk, "burn")).status_code == 404


def test_ids_are_imported_from_a_field_and_exported_as_csv(boss):
    plant(random.Random(1), timezone.now())
    segment = services.create_segment(name="List", condition=None, kind="static")
    ids = "\n".join(f'"c-{number}",x' for number in range(25)) + "\nnobody"
    answer = boss.post(address("import", segment.pk), {"ids": ids}, follow=True).content.decode()
    segment.refresh_from_db()
    assert f"{segment.n_members} joined" in answer
    assert "nobody" in answer
    exported = boss.post(address("export", segment.pk))
    lines = b"".join(exported.streaming_content).decode().splitlines()
    assert lines[0] == "customer_id,storefront,since"
    assert len(lines) == segment.n_members + 1 > 5


def test_a_file_has_bounds(boss, monkeypatch):
    monkeypatch.setattr(admin_pages, "MOST_BYTES", 10)
    segment = services.create_segment(name="List", condition=None, kind="static")
    file = SimpleUploadedFile("ids.csv", b"c-1\n" * 10)
    answer = boss.post(address("import", segment.pk), {"file": file}, follow=True).content.decode()
    assert "the file is larger" in answer


def test_completion_offers_what_holds_the_text(boss):
    plant(random.Random(1), timezone.now())
    found = boss.get(address("complete"), {"kind": "category", "q": "tea"}).json()["found"]
    assert found == ["Tea", "Tea > Green", "Teapots"]
    assert boss.get(address("complete"), {"kind": "secret", "q": "tea"}).json()["found"] == []


def test_who_may_only_see_can_neither_build_nor_change_nor_export(viewer):
    segment = filled()
    assert viewer.get(address("change", segment.pk)).status_code == 200
    for name, args in (("add", ()), ("edit", (segment.pk,)), ("action", (segment.pk, "archive"))):
        assert viewer.get(address(name, *args)).status_code == 403
    for name in ("import", "export"):
        assert viewer.post(address(name, segment.pk)).status_code == 403
