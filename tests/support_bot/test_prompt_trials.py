"""A version of the prompt of answers is tried on past questions before it is live; nothing is sent."""

from datetime import timedelta

import pytest
from django.contrib.auth.models import Permission
from django.urls import reverse
from django.utils import timezone

from ecomai.exceptions import InvalidInputError, PermissionDeniedError
from ecomai.generation.composers import Composer, Composition, Piece
from ecomai.generation.exceptions import ComposerAwayError
from ecomai.generation.models import Prompt
from ecomai.generation.services import create_prompts, make_live, save_version
from ecomai.registry.jobs import execute_job
from ecomai.registry.models import AuditEntry, Job
from support_bot.knowledge import current
from support_bot.models import Article, Message, PromptTrial
from support_bot.services import conversations, replying
from support_bot.services.articles import save_article
from support_bot.services.trying import past_questions, start_trial
from support_bot.visitors import chat_visitor

pytestmark = pytest.mark.django_db
BODY = "Parcels within the country arrive within 2 to 4 working days. Abroad it takes up to 10 working days."


class Obedient(Composer):
    """Says what its instructions tell it to say after `SAY:`."""

    name = "obedient"
    streams = True

    def compose(self, request):
        return Composition(texts=(request.instructions.partition("SAY:")[2].strip(),), n_tokens=10)

    def stream(self, request):
        if "AWAY" in request.instructions:
            raise ComposerAwayError(composer=self.name, cause="too slow")
        yield Piece(text=self.compose(request).texts[0], n_tokens=10)


@pytest.fixture
def prompt(db):
    save_article(Article(title="How long does delivery take?", body=BODY, state="published"))
    current.forget()
    create_prompts()
    yield Prompt.objects.get(name="support_answer", language="en")
    current.forget()


@pytest.fixture
def asked(prompt):
    """Two questions that the article answered, one of them twice, and one that nothing answered."""
    texts = (
        "How long does delivery take",
        "how long does delivery take",
        "How long do parcels take to arrive?",
    )
    for n, text in enumerate((*texts, "Who won the match?"), start=1):
        somebody = chat_visitor(language="en")
        message = conversations.take_message(somebody, None, text=text, key=f"key-{n:04}")
        replying.reply_to(message)
    return set(texts[1:])


@pytest.fixture
def obedient(settings):
    settings.ECOMAI = {**settings.ECOMAI, "GENERATION": {"COMPOSER": f"{__name__}.Obedient"}}


def version(prompt, says, **more):
    """Save a draft by which the composer says something."""
    live = prompt.live_version
    return save_version(
        prompt, templates=live.templates, instructions=f"SAY: {says}", goes_live=False, **more
    )


def done(trial):
    execute_job(trial.job_id)
    trial.refresh_from_db()
    assert trial.job.state == Job.State.SUCCEEDED, trial.job.traceback
    return trial.report


def test_a_draft_is_saved_and_not_live(prompt):
    draft = version(prompt, "Hello.")
    prompt.refresh_from_db()
    assert (draft.number, prompt.live_version.number) == (2, 1)
    assert AuditEntry.objects.get(action="save_prompt_version").details == {"version": 2, "is_live": False}
    make_live(draft)
    prompt.refresh_from_db()
    assert prompt.live_version == draft


def test_questions_are_those_that_articles_answered_each_once(asked):
    day = timedelta(days=1)
    now = timezone.now()
    found = past_questions("en", since=now - day, until=now + day, most=30)
    assert len(found) == 2
    assert "match" not in " ".join(one.text for one in found)
    assert len(past_questions("en", since=now - day, until=now + day, most=1)) == 1
    assert past_questions("zh-hans", since=now - day, until=now + day, most=30) == []


def test_both_versions_answer_and_nothing_is_sent(asked, prompt, obedient):
    live = save_version(
        prompt, templates="{sentences}", instructions="SAY: Parcels arrive within 2 to 4 working days."
    )
    draft = version(prompt, "Parcels arrive within 2 to 4 working days. It costs 99 GBP.")
    n_messages = Message.objects.count()
    report = done(start_trial(version=draft))
    assert Message.objects.count() == n_messages
    assert report["arms"]["live"] == {
        "n": 2, "supported": 1.0, "with_withheld": 0.0, "refused": 0.0, "away": 0.0, "length": 42.0,
        "tokens": 10.0,
    }  # fmt: skip
    assert report["arms"]["draft"]["supported"] == 0.5
    assert report["arms"]["draft"]["with_withheld"] == 1.0
    assert report["rows"][0]["draft"]["withheld"] == ["It costs 99 GBP."]
    assert (report["live_number"], report["draft_number"]) == (live.number, draft.number)
    assert not any(question in str(report) for question in asked), "their words stay with their messages"


@pytest.mark.parametrize(("says", "share"), [("It costs 99 GBP.", "refused"), ("AWAY", "away")])
def test_who_says_nothing_that_holds_or_does_not_answer_is_counted(asked, prompt, obedient, says, share):
    report = done(start_trial(version=version(prompt, says)))
    assert report["arms"]["draft"][share] == 1.0
    assert report["arms"]["draft"]["length"] == 0


def test_without_a_model_templates_are_compared(asked, prompt):
    report = done(start_trial(version=version(prompt, "x")))
    assert report["arms"]["live"] == report["arms"]["draft"]
    assert report["rows"][0]["live"]["said"] == BODY


def test_a_second_attempt_goes_on_where_the_first_one_ended(asked, prompt, obedient, monkeypatch):
    from support_bot.services import trying

    trial = start_trial(version=version(prompt, "Parcels arrive within 2 to 4 working days."))
    row, n_asked = trying._row, []

    def dies(question, *args):
        n_asked.append(question.pk)
        if len(n_asked) == 2:
            raise ConnectionError
        return row(question, *args)

    monkeypatch.setattr(trying, "_row", dies)
    execute_job(trial.job_id)
    trial.refresh_from_db()
    assert len(trial.partial["rows"]) == 1
    Job.objects.filter(pk=trial.job_id).update(run_after=timezone.now())
    assert len(done(trial)["rows"]) == 2
    assert len(n_asked) == 3


def test_a_trial_without_past_questions_says_so(prompt):
    trial = start_trial(version=version(prompt, "x"))
    execute_job(trial.job_id)
    trial.job.refresh_from_db()
    assert (trial.job.state, trial.job.error_code) == (Job.State.FAILED, "not_enough_data")


def test_what_makes_no_sense_is_refused(prompt, colleague):
    other = Prompt.objects.create(name="x", language="en")
    with pytest.raises(InvalidInputError):
        start_trial(version=save_version(other, templates="{title}", instructions=""))
    draft = version(prompt, "x")
    for wrong in ({"n_questions": 0}, {"n_questions": 201}, {"days": 0}):
        with pytest.raises(InvalidInputError):
            start_trial(version=draft, **wrong)
    with pytest.raises(PermissionDeniedError):
        start_trial(version=draft, user=colleague)


# -- pages ------------------------------------------------------------------------------------------


@pytest.fixture
def writer(django_user_model, client):
    user = django_user_model.objects.create_user("writer", is_staff=True)
    names = ("view_prompt", "change_prompt", "add_prompttrial", "view_prompttrial")
    user.user_permissions.set(Permission.objects.filter(codename__in=names))
    client.force_login(user)
    return client


def test_from_the_prompts_page_to_both_answers_side_by_side(asked, prompt, obedient, writer):
    page = reverse("admin:ecomai_generation_prompt_change", args=[prompt.pk])
    writer.post(
        page,
        {"templates": "{sentences}", "instructions": "SAY: It costs 99 GBP.", "note": "Price", "draft": "1"},
    )
    draft = prompt.versions.get(number=2)
    prompt.refresh_from_db()
    assert prompt.live_version.number == 1
    trials = reverse("admin:ecomai_support_bot_prompttrial_changelist")
    assert f'href="{trials}?version={draft.pk}"' in writer.get(page).content.decode()
    html = writer.get(trials, {"version": draft.pk}).content.decode()
    assert f'<option value="{draft.pk}" selected>version 2, English. Price</option>' in html
    writer.post(trials, {"version": draft.pk, "n_questions": 5, "days": 30, "name": "Mine"})
    trial = PromptTrial.objects.get()
    own = reverse("admin:ecomai_support_bot_prompttrial_change", args=[trial.pk])
    assert "Stop it" in writer.get(own).content.decode()
    done(trial)
    Message.objects.filter(text__in=asked).update(text="Mail me at ada@shop.example, when will it come?")
    html = writer.get(own).content.decode()
    assert "The version is supported less than what is live." in html or "as much as" in html
    assert "<del>It costs 99 GBP.</del>" in html
    assert "ada@shop.example" not in html
    assert "[email]" in html


def test_a_question_that_was_erased_has_no_words(asked, prompt, obedient, writer):
    trial = start_trial(version=version(prompt, "Parcels arrive within 2 to 4 working days."))
    done(trial)
    Message.objects.all().delete()
    html = writer.get(
        reverse("admin:ecomai_support_bot_prompttrial_change", args=[trial.pk])
    ).content.decode()
    assert html.count("<td>erased</td>") == 2


def test_a_live_version_is_not_offered(prompt, writer):
    html = writer.get(reverse("admin:ecomai_support_bot_prompttrial_changelist")).content.decode()
    assert f'<option value="{prompt.live_version.pk}"' not in html
