"""Who answers whom, in which order and until when; and what a customer reads who comes at night."""

from datetime import datetime, time, timedelta

import pytest
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Permission
from django.utils import timezone

from ecomai.fusion.services import publish_facts
from support_bot.models import AgentProfile, ClosedDay, Conversation, OfficeHours, Tag
from support_bot.services import assigning, conversations
from support_bot.services.handing_over import hand_over, pass_on, say_as_agent
from support_bot.services.office import Office

pytestmark = pytest.mark.django_db
Reason = Conversation.HandoffReason


@pytest.fixture
def make_agent(db):
    def make(name, *, skills=(), languages="", capacity=3, is_away=False):
        user = get_user_model().objects.create_user(name, first_name=name.title(), is_staff=True)
        user.user_permissions.set(Permission.objects.filter(codename="answer_conversation"))
        profile = AgentProfile.objects.create(
            user=user, languages=languages, capacity=capacity, is_away=is_away
        )
        profile.skills.set(skills)
        return user

    return make


def waiting(**fields):
    number = Conversation.objects.count()
    row = Conversation.objects.create(visitor_digest=f"visitor-{number}", **fields)
    hand_over(row, reason=Reason.ASKED)
    row.refresh_from_db()
    return row


def test_skill_comes_first_then_the_least_busy_then_who_was_longest_without(make_agent):
    returns = Tag.objects.create(name="returns", intents=["return_item"])
    ann, bob, cid = make_agent("ann", skills=[returns]), make_agent("bob"), make_agent("cid")
    assert waiting(intent="return_item").assigned_to == ann
    assert list(Conversation.objects.get().tags.all()) == [returns]
    given = [waiting(intent="get_invoice").assigned_to for _n in range(4)]
    assert given == [bob, cid, ann, bob], "Ann had one already"


def test_nobody_is_given_more_than_they_can_nor_a_language_that_they_do_not_speak(make_agent):
    ann = make_agent("ann", languages="en", capacity=1)
    li = make_agent("li", languages="zh, en", capacity=2)
    assert waiting(language="zh-hans").assigned_to == li
    assert {waiting(language="en").assigned_to, waiting(language="en").assigned_to} == {ann, li}
    late = waiting(language="en")
    assert late.assigned_to is None
    conversations.end_conversation(Conversation.objects.filter(assigned_to=ann).get())
    assert assigning.assign_waiting() == 1
    late.refresh_from_db()
    assert late.assigned_to == ann


def test_who_may_not_answer_is_given_nothing(make_agent):
    make_agent("ann").user_permissions.clear()
    assert waiting().assigned_to is None


def test_who_goes_away_hands_on_who_waits(make_agent):
    ann = make_agent("ann")
    row = waiting()
    bob = make_agent("bob")
    assert row.assigned_to == ann
    assigning.set_away(ann, is_away=True)
    row.refresh_from_db()
    assert row.assigned_to == bob


def test_a_chat_is_passed_on_to_somebody_else(make_agent):
    ann, bob = make_agent("ann"), make_agent("bob")
    row = waiting(language="en")
    say_as_agent(row, text="Hello", key="agent-key-1", user=ann)
    pass_on(row, user=ann)
    row.refresh_from_db()
    assert (row.state, row.agent, row.assigned_to) == ("waiting", None, bob)
    assert row.messages.last().text == "A colleague will go on here in a moment."


def test_a_good_customer_who_is_angry_overtakes_but_not_for_ever(ada):
    publish_facts(name="marketing.expected_value", values={"ada": 2000.0})
    publish_facts(name="marketing.churn_probability", values={"ada": 0.9})
    first = waiting()
    good = waiting(customer=ada, mood=-0.9)
    assert list(assigning.in_line(Conversation.objects.all())) == [good, first]
    assert good.priority > 0.9 > 0.3 > first.priority
    assert good.answer_due_at < first.answer_due_at, "urgent ones are due earlier"
    assert "angry 90 %" in assigning.explain_priority(good)
    an_hour_ago = timezone.now() - timedelta(hours=1)
    Conversation.objects.filter(pk=first.pk).update(waiting_since=an_hour_ago, counted_since=an_hour_ago)
    assert list(assigning.in_line(Conversation.objects.all())) == [first, good]


# -- office hours -----------------------------------------------------------------------------------


def at(day, hour, minute=0):
    return datetime(2026, 3, day, hour, minute, tzinfo=timezone.get_default_timezone())


@pytest.fixture
def weekdays(db):
    """From nine to five, Monday to Friday; 2 March 2026 is a Monday."""
    for weekday in range(5):
        OfficeHours.objects.create(weekday=weekday, opens=time(9), closes=time(17))


@pytest.mark.usefixtures("weekdays")
@pytest.mark.parametrize(
    ("moment", "opens"),
    [
        (at(2, 12), at(2, 12)),
        (at(2, 8), at(2, 9)),
        (at(2, 17), at(3, 9)),
        (at(6, 18), at(9, 9)),
    ],
)
def test_the_next_opening(moment, opens):
    assert Office().next_opening(moment) == opens
    assert Office().is_open(moment) == (moment == opens)


@pytest.mark.usefixtures("weekdays")
def test_a_closed_day_is_left_out():
    office = Office()
    office.closed = {at(3, 0).date()}
    assert office.next_opening(at(2, 18)) == at(4, 9)


@pytest.mark.usefixtures("weekdays")
def test_only_office_time_counts_until_an_answer_is_due():
    assert Office().due(at(2, 16, 50), minutes=15) == at(3, 9, 5)
    assert Office().due(at(7, 12), minutes=15) == at(9, 9, 15)


def test_without_hours_somebody_is_always_there():
    now = timezone.now()
    assert Office().is_open(now)
    assert Office().due(now, minutes=15) == now + timedelta(minutes=15)


def test_a_customer_at_night_reads_when_somebody_is_back():
    today = timezone.localdate(timezone=timezone.get_default_timezone())
    ClosedDay.objects.create(day=today, name="Holiday")
    row = waiting(language="en")
    (notice,) = row.messages.values_list("text", flat=True)
    assert notice.startswith("Nobody is here now. Somebody answers here from ")
    assert row.answer_due_at.astimezone(timezone.get_default_timezone()).date() > today


def test_during_office_hours_no_notice_is_given():
    assert waiting(language="en").messages.count() == 0
