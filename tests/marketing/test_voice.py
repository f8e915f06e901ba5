"""What customers write: taken in once each, cut into sentences, told by aspects, watched for changes."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from django.core.management import call_command
from django.utils import timezone

from ecomai.commerce.models import Event, Item, RejectedRow
from ecomai.commerce.services import ingest_events, replay_rejected
from ecomai.fusion.subjects import Subject
from marketing.exceptions import FeedError
from marketing.models import Aspect, Feedback, FeedbackAspect, FeedSource, SaidBy, Sentiment, VoiceAlarm
from marketing.services import alarms, feeds, privacy, voice
from marketing.services.listening import listen
from marketing.voice.changes import SHARE, VOLUME, find_change
from marketing.voice.sentences import AspectWords, split_sentences

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)
NOW = datetime(2026, 6, 15, 12, tzinfo=UTC)


def review(external_id: str = "r-1", text: str = "The parcel came late.", **fields: object) -> dict:
    return {"external_id": external_id, "text": text, "rating": 1, "written_at": NOW - DAY} | fields


def statuses(rows: list) -> list[str]:
    return [result.status for result in voice.take_feedback(rows)]


def aspects_of(row: Feedback) -> set[str]:
    return set(row.sentences.exclude(aspect=None).values_list("aspect__slug", flat=True))


# -- taking in ------------------------------------------------------------------------------------


def test_a_text_is_stored_once_with_what_its_sentences_are_about(make_customer, make_item):
    make_customer("mia")
    make_item()
    text = "Delivery took forever, but the fabric is lovely. No idea why."
    assert statuses([review(text=text, customer_id="mia", item_id="i-1")] * 2) == ["accepted", "duplicate"]
    assert statuses([review(text=text, customer_id="mia", item_id="i-1")]) == ["duplicate"]
    row = Feedback.objects.get()
    assert (row.customer.external_id, row.item.external_id, row.sentiment, row.said_by) == (
        "mia", "i-1", Sentiment.NEGATIVE, SaidBy.STARS,
    )  # fmt: skip
    told = row.sentences.order_by("position").values_list("sentence", "aspect__slug")
    assert list(told) == [
        ("Delivery took forever", "delivery"), ("but the fabric is lovely.", "quality"),
        ("No idea why.", None),
    ]  # fmt: skip
    assert aspects_of(row) == {"delivery", "quality"}


def test_a_text_that_was_changed_takes_the_place_of_the_old_one():
    voice.take_feedback([review()])
    assert statuses([review(text="The price is fair.", rating=5)]) == ["accepted"]
    row = Feedback.objects.get()
    assert (row.text, row.sentiment, aspects_of(row)) == ("The price is fair.", "positive", {"price"})


def test_the_same_id_of_another_source_or_storefront_is_another_text():
    voice.take_feedback([review(), review(source="chat")])
    voice.take_feedback([review()], storefront="fr")
    assert Feedback.objects.count() == 3


def test_stars_say_what_a_text_is_until_a_model_does():
    voice.take_feedback([review(f"r-{stars}", rating=stars) for stars in (1, 3, 5, None)])
    said = Feedback.objects.order_by("external_id").values_list("sentiment", "said_by")
    assert list(said) == [
        ("negative", "stars"), ("neutral", "stars"), ("positive", "stars"), ("unknown", ""),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"external_id": " "}, "missing_field"), ({"text": "!!"}, "empty_text"),
        ({"text": "a" * 20_001}, "too_long"), ({"title": "a" * 301}, "too_long"),
        ({"rating": 6}, "invalid_rating"), ({"rating": "many"}, "invalid_field"),
        ({"source": "rumour"}, "unknown_source"), ({"stars": 5}, "unknown_field"),
        ({"item_id": "nowhere"}, "unknown_item"), ({"text": "a\x00b"}, "invalid_text"),
        ({"written_at": "2999-01-01T00:00:00Z"}, "in_the_future"),
    ],
)  # fmt: skip
def test_a_bad_row_is_kept_aside_with_its_reason_and_costs_no_other_row(change, code):
    bad, good = voice.take_feedback([review() | change, review("r-2")])
    assert (bad.status, bad.code, good.status) == ("rejected", code, "accepted")
    assert bad.reason.endswith((".", "?"))
    kept = RejectedRow.objects.get()
    assert (kept.kind, kept.code) == ("feedback", code)


def test_a_row_whose_item_arrives_later_is_replayed(make_item):
    voice.take_feedback([review(item_id="i-1")])
    make_item()
    assert replay_rejected(rows=RejectedRow.objects.all()) == {"replayed": 1, "still_rejected": 0}
    assert Feedback.objects.get().item == Item.objects.get()


def test_reviews_among_the_shops_events_are_heard(
    make_customer, make_item, django_capture_on_commit_callbacks
):
    make_customer("mia")
    make_item()
    event = {
        "type": "review", "key": "e-1", "customer_id": "mia", "item_id": "i-1", "occurred_at": timezone.now(),
        "properties": {"score": 2, "title": "Hm", "text": "The seam tore."},
    }  # fmt: skip
    silent = event | {"key": "e-2", "properties": {"score": 5}}
    with django_capture_on_commit_callbacks(execute=True):
        ingest_events([event, silent])
    assert Event.objects.count() == 2
    row = Feedback.objects.get()
    assert (row.rating, row.title, row.customer.external_id) == (2, "Hm", "mia")
    assert aspects_of(row) == {"quality"}


# -- sentences and aspects ------------------------------------------------------------------------


def test_sentences_end_where_people_end_them():
    assert split_sentences("质量很好。但是快递太慢！") == ["质量很好。", "但是快递太慢！"]
    assert split_sentences("Nice, but late\nSize 3.5 fits?! Yes") == [
        "Nice",
        "but late",
        "Size 3.5 fits?!",
        "Yes",
    ]
    assert split_sentences("... !!") == []


def test_a_phrase_counts_from_the_beginning_of_a_word_and_in_chinese_anywhere():
    words = AspectWords([(1, ["deliver", "物流"]), (2, ["fit"]), (3, [])])
    assert words.find("It was DELIVERED late") == [1]
    assert words.find("这次物流很慢") == [1]
    assert words.find("a profit for the outfit") == []
    assert words.find("the fitting delivery") == [1, 2]


def test_a_shop_changes_the_words_of_its_aspects():
    Aspect.objects.all().delete()
    Aspect.objects.create(slug="zip", name="Zip", words="zip\nzipper")
    voice.ensure_aspects()
    assert Aspect.objects.count() == 1
    voice.take_feedback([review(text="The zipper sticks. It came late.")])
    assert aspects_of(Feedback.objects.get()) == {"zip"}


# -- feeds and files ------------------------------------------------------------------------------

RSS = """<?xml version="1.0"?><rss version="2.0"><channel><title>Talk</title>
<item><guid>a</guid><title>Slow</title><link>https://talk.example/a</link>
<description>&lt;p&gt;The &lt;b&gt;delivery&lt;/b&gt; took weeks.&lt;/p&gt;</description>
<pubDate>Mon, 01 Jun 2026 10:00:00 GMT</pubDate></item>
<item><guid>b</guid><title>Only a title about the price</title></item>
<item><title></title></item></channel></rss>"""
BOMB = """<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]><rss><channel>
<item><guid>a</guid><title>&b;</title></item></channel></rss>"""


@pytest.fixture
def feed() -> FeedSource:
    return FeedSource.objects.create(name="Talk", url="https://talk.example/rss", language="en")


def test_the_entries_of_a_feed_are_taken_once(feed, monkeypatch):
    monkeypatch.setattr(feeds, "fetch", lambda url, **_bounds: RSS.encode())
    assert feeds.read_feed(feed) == 2
    assert feeds.read_feed(feed) == 0
    row = Feedback.objects.get(external_id__endswith=":a")
    assert (row.title, row.source, row.url) == ("Slow", "feed", "https://talk.example/a")
    assert row.text.startswith("The delivery took weeks.")
    assert "<" not in row.text
    assert row.written_at == datetime(2026, 6, 1, 10, tzinfo=UTC)
    feed.refresh_from_db()
    assert (feed.n_taken, feed.problem) == (2, "")


@pytest.mark.parametrize(
    ("content", "reason"), [(BOMB, "entities"), ("<rss><chan", "well-formed"), ("", "form")]
)
def test_a_feed_with_entities_of_its_own_or_broken_xml_is_refused(feed, content, reason):
    with pytest.raises(FeedError, match=reason):
        list(feeds.parse_feed(content.encode(), feed))


def test_a_feed_in_a_private_network_is_not_read_and_costs_no_other_one(feed):
    FeedSource.objects.filter(pk=feed.pk).update(url="http://127.0.0.1/rss")
    assert feeds.read_feeds() == 0
    feed.refresh_from_db()
    assert "private network" in feed.problem


def test_a_file_is_imported_and_an_interrupted_import_goes_on(tmp_path: Path, make_item):
    make_item()
    lines = [
        "external_id,text,rating,item_id",
        *(f"r-{n},The size is wrong,2,i-1" for n in range(30)),
        "x,,3,",
    ]
    path = tmp_path / "reviews.csv"
    path.write_text("\n".join(lines[:11]), encoding="utf-8")
    call_command("ecomai_import_feedback", str(path), "--source", "review")
    path.write_text("\n".join(lines), encoding="utf-8")
    assert feeds.import_file(path, source="review") == {"accepted": 20, "duplicate": 10, "rejected": 1}
    assert RejectedRow.objects.get().row_number == 32


# -- changes --------------------------------------------------------------------------------------


def days_of(
    rng: np.random.Generator, rate: float, total: float, n_days: int
) -> tuple[np.ndarray, np.ndarray]:
    totals = rng.poisson(total, n_days)
    return rng.binomial(totals, rate / total), totals


def test_no_alarm_rings_where_only_chance_is_at_work():
    """Nine series of 90 days, asked each second day, at a bound a hundred times as loose as the alarm's."""
    rng = np.random.default_rng(5)
    asked = rung = 0
    for rate, total in ((0.3, 2.0), (1.0, 4.0), (4.0, 12.0)) * 3:
        negative, totals = days_of(rng, rate, total, 210)
        for end in range(120, 210, 2):
            asked += 1
            part = slice(end - 120, end)
            rung += find_change(negative[part], totals[part], alpha=1e-2) is not None
    assert rung / asked < 0.01


def test_a_threefold_rise_is_found_within_a_week_and_its_day_is_told():
    rng = np.random.default_rng(6)
    delays = []
    for _series in range(10):
        negative, totals = days_of(rng, 2.0, 6.0, 134)
        more = rng.poisson(4.0, 14)
        negative[-14:] += more
        totals[-14:] += more
        found = [
            (end, change) for end in range(121, 135) if (change := find_change(negative[:end], totals[:end]))
        ]
        end, change = found[0]
        delays.append(end - 120)
        assert abs((end - change.n_days) - 120) <= 4
        assert change.n_negative > 1.5 * change.n_expected
    assert np.median(delays) <= 7


def test_a_larger_share_rings_though_less_is_said():
    """Half as much is said as before, and most of it is negative."""
    totals = np.array([10] * 60 + [5] * 14)
    negative = np.array([1, 2] * 30 + [4] * 14)
    assert find_change(negative, totals).kind in (SHARE, VOLUME)
    calm = np.array([1, 2] * 30 + [1, 0] * 7)
    assert find_change(calm, totals) is None


def test_too_little_history_or_few_complaints_ring_no_alarm():
    assert find_change([9] * 20, [9] * 20) is None
    assert find_change([0] * 60 + [4], [1] * 60 + [4]) is None
    with pytest.raises(ValueError, match="never more"):
        find_change([2], [1])


# -- alarms ---------------------------------------------------------------------------------------


@pytest.fixture
def surge() -> None:
    """A calm season with a complaint each fourth day, and three a day about delivery in the last week."""
    rows = []
    for day in range(100):
        written_at = NOW - (100 - day) * DAY
        calm = {"rating": 1} if day % 4 == 0 else {"rating": 5}
        rows.append(review(f"d-{day}", "The parcel came.", written_at=written_at, **calm))
        rows.append(review(f"p-{day}", "The price.", written_at=written_at, **calm))
        if day >= 93:
            rows += [review(f"s-{day}-{n}", "Delivery took weeks.", written_at=written_at) for n in range(3)]
    voice.take_feedback(rows)


def test_a_surge_opens_one_alarm_with_the_sentences_behind_it(surge):
    assert alarms.look_for_alarms(now=NOW) == alarms.look_for_alarms(now=NOW) == 1
    alarm = VoiceAlarm.objects.get()
    assert (alarm.aspect.slug, alarm.state) == ("delivery", "open")
    assert (NOW.date() - alarm.began_on).days in range(6, 9)
    behind = [row.sentence for row in alarms.sentences_behind(alarm)]
    assert len(behind) == alarm.n_negative >= 18
    assert behind.count("Delivery took weeks.") >= 18
    told = alarms.front_page_alerts()
    assert told[0].title == "Customers complain more: Delivery"
    assert str(alarm.n_negative) in told[0].text


def test_an_alarm_closes_when_it_is_over_and_stays_quiet_when_a_person_closed_it(surge, admin_user):
    alarms.look_for_alarms(now=NOW)
    alarms.look_for_alarms(now=NOW + 60 * DAY)
    assert VoiceAlarm.objects.get().state == VoiceAlarm.State.CLOSED
    VoiceAlarm.objects.all().delete()
    alarms.look_for_alarms(now=NOW)
    alarms.mark_alarm(alarm=VoiceAlarm.objects.get(), state="closed", user=admin_user)
    assert alarms.look_for_alarms(now=NOW) == 0
    assert VoiceAlarm.objects.count() == 1


def test_the_hourly_round_works_in_an_empty_shop_and_twice():
    listen()
    listen()
    assert not VoiceAlarm.objects.exists()


# -- privacy --------------------------------------------------------------------------------------


def test_erasure_and_export_know_what_a_customer_wrote(make_customer):
    mia = make_customer("mia")
    voice.take_feedback([review(customer_id="mia"), review("r-2", customer_id="ben")])
    subject = Subject(storefront="", customer_pk=mia.pk, external_id="mia", session_ids=())
    told = privacy.export(subject)["feedback"]
    assert [(row["text"], row["aspects"]) for row in told] == [("The parcel came late.", ["Delivery"])]
    assert privacy.erase(subject)["feedback"] == 1
    assert privacy.erase(subject)["feedback"] == 0
    assert Feedback.objects.get().external_id == "r-2"
    assert FeedbackAspect.objects.filter(feedback__external_id="r-1").count() == 0
