"""A language model words a reply in a worker, and the customer reads along what has been checked."""

import json
import re
import time
from dataclasses import replace
from datetime import timedelta

import pytest
from asgiref.sync import sync_to_async
from celery import current_app
from django.core.cache import cache
from django.utils import timezone

from ecomai.generation.composers.base import messages_of
from ecomai.generation.selectors import live_prompt
from ecomai_project.settings import environment
from support_bot.dialogue.answering import asked_of
from support_bot.knowledge import current
from support_bot.models import Article, Conversation, Message
from support_bot.services import conversations, replying
from support_bot.services.articles import save_article
from support_bot.services.handing_over import take_over
from tests.ecomai.console.conftest import chromium, page  # noqa: F401
from tests.workers import Broker, WorkerProcess, open_broker, wait_until

from .served import served
from .test_chat_browser import open_chat, write
from .test_chat_socket import Tab
from .tiny_writer import N_POSITIONS, make_writer
from .writers import Writer

pytestmark = pytest.mark.django_db(transaction=True)
QUESTION = "How long does delivery take"
SAID = "Parcels within the country arrive within 2 to 4 working days."
BODY = f"{SAID} Abroad it takes up to 10 working days."
DEAD_BROKER = Broker("redis", "redis://127.0.0.1:1/0")


@pytest.fixture(autouse=True)
def article():
    save_article(Article(title="How long does delivery take?", body=BODY, state="published"))
    current.forget()
    yield
    current.forget()


@pytest.fixture
def written_by(settings):
    """Let a composer of `writers` word the replies."""

    def choose(name):
        path = f"tests.support_bot.writers.{name}"
        settings.ECOMAI = {**settings.ECOMAI, "GENERATION": {"COMPOSER": path}}

    return choose


def ask(visitor, text=QUESTION, key="key-0001"):
    message = conversations.take_message(visitor, None, text=text, key=key)
    return message, replying.reply_to(message)


def lease(message):
    return Message.objects.get(pk=message.pk).reply_leased_until.isoformat()


@pytest.fixture
def shown(monkeypatch):
    """What customers would read along."""
    from support_bot.services import composing

    frames = []
    monkeypatch.setattr(composing, "announce_frame", lambda conversation, frame: frames.append(frame))
    return frames


# -- who writes -------------------------------------------------------------------------------------


def test_without_a_model_the_reply_is_said_at_once(visitor):
    _message, (reply,) = ask(visitor)
    assert reply.text.startswith(SAID)


def test_a_model_writes_in_a_worker_and_the_web_process_says_nothing_yet(visitor, written_by, shown):
    written_by("Paid")
    message, said = ask(visitor)
    assert said == []
    (reply,) = replying.write_reply(message.pk, lease(message))
    assert (reply.text, reply.answered_by) == (SAID, "knowledge")
    assert reply.content["citations"][0]["title"] == "How long does delivery take?"
    assert [choice["label"] for choice in reply.content["choices"]] == ["That helped", "That did not help"]
    assert shown == [{"type": "delta", "answers": 1, "at": 0, "text": SAID}]
    assert Conversation.objects.get().n_tokens == 120
    assert Message.objects.get(pk=message.pk).understanding["language"] == "en"


def test_what_needs_no_model_does_not_wait_for_one(visitor, written_by):
    written_by("Writer")
    _message, (reply,) = ask(visitor, "hello")
    assert reply.answered_by == "small_talk"


def test_the_same_task_twice_writes_one_reply(visitor, written_by, shown):
    written_by("Writer")
    message, _said = ask(visitor)
    until = lease(message)
    assert len(replying.write_reply(message.pk, until)) == 1
    assert replying.write_reply(message.pk, until) == []
    assert Message.objects.filter(sender="bot").count() == 1


def test_a_task_of_a_message_that_is_gone_does_nothing():
    assert replying.write_reply(0, timezone.now().isoformat()) == []


def test_only_sentences_that_a_passage_supports_are_shown_and_said(visitor, written_by, shown):
    written_by("Inventing")
    message, _said = ask(visitor)
    (reply,) = replying.write_reply(message.pk, lease(message))
    assert reply.text == "Parcels arrive within 2 to 4 working days."
    assert [frame["text"] for frame in shown] == [reply.text]


@pytest.mark.parametrize("name", ["MadeUp", "Failing"])
def test_the_articles_own_words_are_said_where_the_model_says_nothing_true_or_breaks(
    visitor, written_by, shown, name
):
    written_by(name)
    message, _said = ask(visitor)
    (reply,) = replying.write_reply(message.pk, lease(message))
    assert reply.text.startswith(SAID)
    assert reply.content["citations"]


def test_without_a_broker_the_articles_own_words_are_said_at_once(visitor, written_by):
    written_by("Writer")
    with DEAD_BROKER.used_by(current_app._get_current_object()):
        began = time.monotonic()
        _message, (reply,) = ask(visitor)
        assert time.monotonic() - began < 3
    assert reply.text.startswith(SAID)


def test_after_the_lease_somebody_else_replies_and_the_late_worker_does_not(visitor, written_by, shown):
    written_by("Writer")
    message, _said = ask(visitor)
    until = lease(message)
    assert replying.reply_to(message) == [], "a worker is trusted to write"
    Message.objects.filter(pk=message.pk).update(reply_leased_until=timezone.now() - timedelta(seconds=1))
    (reply,) = replying.reply_to(message)
    assert reply.text.startswith(SAID)
    assert replying.write_reply(message.pk, until) == []
    assert Message.objects.filter(sender="bot").count() == 1
    assert shown == []


def test_a_worker_that_was_given_up_stops_and_says_nothing(visitor, written_by, shown, monkeypatch):
    written_by("Writer")
    message, _said = ask(visitor)

    def taken_meanwhile(self):
        Message.objects.filter(pk=message.pk).update(reply_leased_until=timezone.now())

    monkeypatch.setattr(Writer, "meanwhile", taken_meanwhile)
    monkeypatch.setattr(Writer, "says", BODY)
    assert replying.write_reply(message.pk, lease(message)) == []
    assert [frame["text"] for frame in shown] == [SAID]


def test_the_bot_stops_amid_a_reply_when_a_person_takes_over(
    visitor, written_by, shown, monkeypatch, colleague
):
    written_by("Writer")
    monkeypatch.setattr(Writer, "says", BODY)
    message, _said = ask(visitor)
    monkeypatch.setattr(Writer, "meanwhile", lambda self: take_over(message.conversation, user=colleague))
    assert replying.write_reply(message.pk, lease(message)) == []
    assert not Message.objects.filter(sender="bot").exists()
    assert [frame["text"] for frame in shown] == [SAID]


# -- a worker, sockets and a model that are real ----------------------------------------------------


@pytest.fixture
def real_layer(settings):
    settings.CHANNEL_LAYERS = environment.channel_layers(settings.TEST_REDIS.url)


@pytest.fixture
def worker(settings, tmp_path, real_layer):
    """Start a worker that writes by the given settings of generation, as this process is told too."""
    processes = []
    with open_broker("redis") as broker, broker.used_by(current_app._get_current_object()):

        def start(generation, *, seconds=8, **environ):
            sections = {
                "GENERATION": generation,
                "SUPPORT_BOT": {"WRITER_SECONDS": seconds, "REPLY_LEASE_SECONDS": 60},
            }
            settings.ECOMAI = {**settings.ECOMAI, **sections}
            process = WorkerProcess(broker=broker, folder=tmp_path)
            process.environment |= {
                "ECOMAI_TEST_SECTIONS": json.dumps(sections), **environ,
                "DJANGO_SETTINGS_MODULE": "tests.support_bot.writing_settings",
            }  # fmt: skip
            processes.append(process)
            process.start()
            return process

        yield start
        for process in processes:
            process.kill()


@pytest.fixture
def tiny(tmp_path):
    """A model that says what the article says, and then makes something up."""
    asked = asked_of(current.current().entries[:1], QUESTION, language="en")
    prompt = live_prompt(asked.request.purpose, "en")
    request = replace(asked.request, templates=prompt.templates, instructions=prompt.instructions)
    told = "\n\n".join(one["content"] for one in messages_of(request, is_streamed=True)) + "\n\n"
    folder = tmp_path / "model"
    loss = make_writer(
        folder, prompts=[told], answers=[f"{SAID} Abroad it takes up to 10 working days. It costs 99 GBP."]
    )
    assert loss < 0.05
    return folder


@pytest.mark.services
async def test_a_real_model_in_a_real_worker_is_read_along_over_a_socket(worker, tiny):
    generation = {
        "COMPOSER": "local", "LOCAL_MODEL": str(tiny), "LOCAL_DEVICE": "cpu", "TEMPERATURE": 0,
        "MAX_NEW_TOKENS": N_POSITIONS // 4,
    }  # fmt: skip
    process = await sync_to_async(worker)(generation, seconds=60)  # a model is loaded first
    new, old = await Tab().open(version=2), await Tab().open()
    assert (new.welcome["version"], old.welcome["version"]) == (2, 1)
    await new.say(QUESTION)
    first, second = await new.read("delta", seconds=60), await new.read("delta", seconds=60)
    reply = await new.read("message")
    assert (first["text"], first["at"], second["at"]) == (SAID, 0, 1), process.log()[-2000:]
    assert reply["text"] == first["text"] + second["text"] == BODY
    assert reply["citations"]
    await new.close()
    await old.close()


@pytest.mark.services
async def test_a_client_of_version_1_is_sent_the_reply_alone(worker):
    await sync_to_async(worker)({"COMPOSER": "tests.support_bot.writers.Writer"})
    tab = await Tab().open()
    await tab.say(QUESTION)
    while (await tab.read("message"))["from"] != "bot":
        pass
    assert "delta" not in {frame["type"] for frame in tab.frames}
    await tab.close()


@pytest.mark.services
async def test_a_worker_that_is_killed_amid_a_reply_leaves_the_customer_with_one(worker, tmp_path):
    written = tmp_path / "written"
    process = await sync_to_async(worker)(
        {"COMPOSER": "tests.support_bot.writers.Stuck"}, ECOMAI_TEST_WRITTEN=str(written)
    )
    tab = await Tab().open(version=2)
    await tab.say(QUESTION)
    assert (await tab.read("delta", seconds=30))["text"] == SAID
    await sync_to_async(wait_until)(written.exists, what="the worker to be amid the reply")
    await sync_to_async(process.kill)()
    reply = await tab.read("message", seconds=30)
    assert reply["text"] == BODY
    await tab.rest()
    assert tab.sequences() == [1, 2]
    await tab.close()


@pytest.mark.services
@pytest.mark.browser
def test_the_widget_shows_the_reply_as_it_grows(page, worker, settings, tmp_path):  # noqa: F811
    settings.ROOT_URLCONF = "tests.support_bot.chat_pages"
    settings.ALLOWED_HOSTS = ["127.0.0.1", "localhost"]
    cache.clear()
    process = worker(
        {"COMPOSER": "tests.support_bot.writers.Stuck"}, ECOMAI_TEST_WRITTEN=str(tmp_path / "written")
    )
    with served() as shop:
        open_chat(page, shop.url)
        write(page, QUESTION)
        growing = page.locator(".said.is-growing")
        growing.get_by_text(SAID).wait_for()
        assert growing.get_attribute("aria-live") == "off"
        process.kill()
        page.get_by_text(re.compile("Abroad it takes up to 10 working days")).wait_for()
        assert growing.count() == 0
        assert page.get_by_text(re.compile("^" + re.escape(SAID))).count() == 1
        page.get_by_role("button", name="That helped").wait_for()
