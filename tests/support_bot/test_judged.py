"""Whether a conversation solved anything, the figures of days, and the pages that show them."""

from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from support_bot.models import ContactVolume, Conversation, DayFigures, Message
from support_bot.services import judging

pytestmark = pytest.mark.django_db
NOW = timezone.now().replace(minute=30, second=0, microsecond=0)
HOUR = timedelta(hours=1)


def ended(hours_ago, *, visitor="v", **fields):
    began = NOW - hours_ago * HOUR
    fields = {
        "state": "closed",
        "closed_at": began + HOUR,
        "started_at": began,
        "intent": "return_item",
    } | fields
    row = Conversation.objects.create(visitor_digest=visitor, last_message_at=began, **fields)
    for number, (sender, seconds) in enumerate((("customer", 0), ("bot", 2)), start=1):
        Message.objects.create(
            conversation=row, sequence=number, sender=sender, text="x",
            created_at=began + timedelta(seconds=seconds),
        )  # fmt: skip
    Conversation.objects.filter(pk=row.pk).update(last_sequence=2)
    return row


def resolution(row):
    row.refresh_from_db()
    return row.resolution


def test_who_said_so_is_believed_at_once_and_others_after_three_days():
    said, denied = ended(2, has_helped=True), ended(2, visitor="w", has_helped=False)
    fresh, quiet = ended(60, visitor="x"), ended(80, visitor="y")
    judging.judge_ended(now=NOW)
    assert resolution(said) == "said"
    assert resolution(denied) == "denied"
    assert resolution(fresh) == ""
    assert resolution(quiet) == "quiet"
    assert judging.judge_ended(now=NOW) == 0


@pytest.mark.parametrize(
    ("later", "expected"),
    [
        ({"hours_ago": 50}, "returned"),
        ({"hours_ago": 50, "intent": ""}, "returned"),
        ({"hours_ago": 50, "intent": "get_invoice"}, "quiet"),
        ({"hours_ago": 50, "visitor": "somebody else"}, "quiet"),
        ({"hours_ago": 10}, "quiet"),
    ],
)
def test_who_comes_back_for_the_same_within_three_days_was_not_helped(later, expected):
    row = ended(100)
    ended(**later)
    judging.judge_ended(now=NOW)
    assert resolution(row) == expected


def test_who_was_never_answered_by_a_person_was_not_helped():
    row = ended(100, handed_over_at=NOW - 100 * HOUR, handoff_reason="asked")
    judging.judge_ended(now=NOW)
    assert resolution(row) == "abandoned"


def test_figures_of_a_day_are_sums_and_counting_twice_changes_nothing():
    began = NOW - 2 * HOUR
    ended(2, rating=5, has_helped=True)
    ended(2, visitor="w", rating=2, has_helped=False, handoff_reason="asked", handed_over_at=began,
          person_answered_at=began + timedelta(minutes=10), answer_due_at=began + timedelta(minutes=5),
          agent_seconds=600)  # fmt: skip
    judging.judge_ended(now=NOW)
    for _twice in range(2):
        judging.count_days(now=NOW)
    row = DayFigures.objects.get()
    assert (row.intent, row.n_conversations, row.n_contained, row.n_judged, row.n_resolved) == (
        "return_item", 2, 1, 2, 1,
    )  # fmt: skip
    assert (row.n_rated, row.stars, row.n_satisfied) == (2, 7, 1)
    assert (row.n_answered, row.answer_seconds) == (2, 4.0)
    assert (row.person_answer_seconds, row.n_overdue, row.agent_seconds) == (600.0, 1, 600)
    assert row.handoff_reasons == {"asked": 1}


def test_hours_are_counted_once_and_what_was_counted_long_ago_stays():
    old = ContactVolume.objects.create(hour=NOW.replace(minute=0) - 9 * HOUR, n_conversations=7)
    ended(3), ended(3, visitor="w", handoff_reason="asked"), ended(0)
    for _twice in range(2):
        judging.count_hours(now=NOW)
    old.refresh_from_db()
    assert old.n_conversations == 7
    row = ContactVolume.objects.get(hour=NOW.replace(minute=0) - 3 * HOUR)
    assert (row.n_conversations, row.n_handed_over, row.n_messages) == (2, 1, 4)
    assert not ContactVolume.objects.filter(hour=NOW.replace(minute=0)).exists(), "this hour is not over"


PAGE = "admin:ecomai_support_bot_conversation_figures"


def test_an_empty_page_says_so(looker):
    assert "Nothing has been counted yet" in looker.get(reverse(PAGE)).content.decode()


def test_the_page_shows_shares_cost_and_reasons(looker, django_assert_max_num_queries):
    for n in range(8):
        reason = "asked" if n % 4 == 0 else ""
        ended(30 + 24 * (n % 3), visitor=f"v-{n}", has_helped=n > 1, rating=1 + n % 5, handoff_reason=reason,
              agent_seconds=1800 if reason else 0, intent=("return_item", "get_invoice")[n % 2])  # fmt: skip
    judging.judge_ended(now=NOW)
    judging.count_days(now=NOW)
    with django_assert_max_num_queries(14):
        answer = looker.get(reverse(PAGE), {"by": "day"})
    tiles = {name: value for name, value, _of in answer.context["tiles"]}
    assert tiles["Solved"] == "75 %"
    assert tiles["Without a person"] == "75 %"
    assert "3.75" in tiles["Cost of one"], "an hour of a person for eight"
    assert "the customer asked for a person" in answer.content.decode()
    only = looker.get(reverse(PAGE), {"intent": "get_invoice"}).context
    assert {name: value for name, value, _of in only["tiles"]}["Without a person"] == "100 %"
    assert [row["key"] for row in only["by_intent"]] == ["get_invoice"]
    nothing = looker.get(reverse(PAGE), {"intent": "no_such", "days": "x", "by": "<b>"})
    assert "No conversation fits" in nothing.content.decode()


def test_a_replay_shows_what_was_made_of_each_turn(looker):
    row = ended(5)
    asked, told = row.messages.all()
    asked.understanding = {"intent": "return_item", "confidence": 0.91, "version": 4, "sentiment": -0.5,
                           "entities": [{"kind": "order_number", "start": 0, "end": 1}]}  # fmt: skip
    asked.save()
    told.answered_by = "knowledge"
    told.content = {"citations": [{"title": "Returns", "passage": "Within 30 days.", "url": "/returns/"}]}
    told.save()
    html = looker.get(reverse("admin:ecomai_support_bot_conversation_replay", args=[row.pk])).content.decode()
    for shown in ("91 %", "model version 4", "order_number", "knowledge", "Returns", "Within 30 days."):
        assert shown in html
