"""Articles in the admin: written, imported from files, and what was asked and not answered."""

from datetime import timedelta

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse
from django.utils import timezone

from ecomai.exceptions import InvalidInputError
from support_bot.knowledge.gaps import gaps, unanswered_questions
from support_bot.knowledge.reading import read_articles
from support_bot.models import Article, Conversation, Message
from support_bot.services import conversations, replying
from support_bot.services.drafting import draft_from_conversations
from support_bot.services.importing import import_articles
from support_bot.visitors import chat_visitor

pytestmark = pytest.mark.django_db


def read(name, text):
    return [article.values for article in read_articles(name, text.encode())]


# -- files ----------------------------------------------------------------------------------------


def test_markdown_with_a_header_or_a_heading():
    (with_header,) = read("a.md", "---\ntitle: Hours\nlanguage: en\n---\n\nWe open at nine.\n")
    assert with_header == {
        "title": "Hours", "language": "en", "body": "We open at nine.", "external_id": "file:Hours",
    }  # fmt: skip
    (with_heading,) = read("a.md", "# Hours\n\nWe open at nine.")
    assert (with_heading["title"], with_heading["body"]) == ("Hours", "We open at nine.")


def test_html_keeps_its_text_and_nothing_that_runs():
    (page,) = read(
        "a.html",
        "<html lang='de'><head><title>T</title><script>alert(1)</script></head><body><nav>Menu</nav>"
        "<h1>Hours</h1><h2>Store</h2><p>We open at <b>nine</b>.</p><ul><li>Monday</li></ul></body></html>",
    )
    assert (page["title"], page["language"]) == ("Hours", "de")
    assert page["body"].startswith("## Store\n\nWe open at **nine**.")
    assert "Monday" in page["body"]
    assert "alert" not in page["body"]
    assert "Menu" not in page["body"]


def test_a_csv_is_an_article_a_line():
    rows = read(
        "faq.csv", '\ufeffQuestion,Answer,id,tags\nHours?,We open at nine.,7,"a, b"\nWhere?,Here.,,\n'
    )
    assert rows[0] == {"title": "Hours?", "body": "We open at nine.", "external_id": "file:7", "tags": "a, b"}
    assert rows[1]["external_id"] == "file:Where?"


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.pdf", b"%PDF"), ("a.md", b"\xff\xfe\x00x"), ("a.md", b"a\0b"), ("a.csv", b"name,price\nx,1\n"),
        ("a.csv", b""), ("a.md", b"x" * 5_000_001), ("a", b"text"),
    ],
)  # fmt: skip
def test_what_is_no_such_file_is_refused(name, content):
    with pytest.raises(InvalidInputError):
        read_articles(name, content)


def test_good_lines_are_kept_and_bad_ones_are_told_and_the_same_file_again_changes_nothing(admin_user):
    content = b"title,body\nHours,We open at nine.\n,Nobody knows.\nEmpty,# Heading\n"
    values = {"name": "a.csv", "content": content, "language": "en", "state": "draft", "user": admin_user}
    report = import_articles(**values)
    assert (report.n_changed, report.n_same, [line for line, _why in report.problems]) == (1, 0, [3, 4])
    Article.objects.update(state="published")
    report = import_articles(**values)
    assert (report.n_changed, report.n_same) == (0, 1)
    assert Article.objects.get().state == "published"


def test_a_file_is_imported_by_the_page(admin_client):
    file = SimpleUploadedFile("a.md", b"# Hours\n\nWe open at nine.")
    answer = admin_client.post(
        reverse("admin:ecomai_support_bot_article_import"),
        {"file": file, "language": "en", "state": "published"},
    )
    assert "New or changed: 1." in answer.content.decode()
    assert Article.objects.get().source == "import"
    file = SimpleUploadedFile("a.exe", b"MZ")
    answer = admin_client.post(
        reverse("admin:ecomai_support_bot_article_import"), {"file": file, "language": "en", "state": "draft"}
    )
    assert "it must be a file of Markdown" in answer.content.decode()


# -- the pages ------------------------------------------------------------------------------------


def test_an_article_is_written_and_published_in_the_admin(admin_client, admin_user):
    values = {
        "title": "Hours", "body": "We open at *nine*.", "language": "en", "state": "draft",
        "audience": "public", "questions": "", "category": "", "tags": "", "url": "", "slug": "",
        "storefront": "", "external_id": "",
    }  # fmt: skip
    assert admin_client.post(reverse("admin:ecomai_support_bot_article_add"), values).status_code == 302
    article = Article.objects.get()
    assert (article.slug, article.author) == ("hours", admin_user)
    page = admin_client.get(reverse("admin:ecomai_support_bot_article_change", args=[article.pk]))
    assert "<em>nine</em>" in page.content.decode()
    listed = reverse("admin:ecomai_support_bot_article_changelist")
    admin_client.post(listed, {"action": "publish", "_selected_action": [article.pk]})
    article.refresh_from_db()
    assert article.state == "published"


@pytest.mark.parametrize("bad", [{"body": "# Heading"}, {"url": "javascript:alert(1)"}])
def test_what_is_no_article_is_told_in_the_form(admin_client, bad):
    values = {
        "title": "Hours",
        "body": "Nine.",
        "language": "en",
        "state": "draft",
        "audience": "public",
        **bad,
    }
    answer = admin_client.post(reverse("admin:ecomai_support_bot_article_add"), values)
    assert answer.status_code == 200
    assert not Article.objects.exists()


# -- gaps -----------------------------------------------------------------------------------------


def ask(text, language="en"):
    message = conversations.take_message(chat_visitor(language=language), None, text=text, key="key-0001")
    replying.reply_to(message)
    return message


def test_what_was_asked_and_not_answered_is_grouped_and_masked(admin_client):
    ask("Do you repair umbrellas?")
    ask("can umbrellas be repaired by you")
    ask("Is plutonium sold here? mail me at ada@shop.example")
    ask("你们修雨伞吗", language="zh-hans")
    found = gaps(unanswered_questions(since=timezone.now() - timedelta(days=1)))
    assert (found[0].n, found[0].language) == (2, "en")
    assert {gap.language for gap in found} == {"en", "zh-hans"}
    page = admin_client.get(reverse("admin:ecomai_support_bot_article_gaps")).content.decode()
    assert "repair umbrellas" in page
    assert "ada@shop.example" not in page
    assert "article/add/?title=" in page


def test_what_was_answered_is_no_gap():
    Article.objects.all().delete()
    ask("I want to talk to a human")
    assert gaps(unanswered_questions(since=timezone.now() - timedelta(days=1))) == []


def resolved(question, *answers, rating=None):
    talk = Conversation.objects.create(
        visitor_digest="x", state="closed", closed_at=timezone.now(), rating=rating, language="en",
        last_sequence=1 + len(answers),
    )  # fmt: skip
    Message.objects.create(conversation=talk, sequence=1, sender="customer", text=question)
    for place, text in enumerate(answers):
        Message.objects.create(conversation=talk, sequence=2 + place, sender="agent", text=text)
    return talk


def test_answers_of_colleagues_become_drafts_once_and_nothing_is_published(admin_user):
    resolved(
        "Can umbrellas be repaired?", "Yes, we repair umbrellas within a week.",
        "Write to grace@shop.example or call +44 20 7946 0958.",
    )  # fmt: skip
    resolved("Is it good?", "Thanks!")
    resolved("Was that all of it?", "A long answer that the customer did not like at all, sadly.", rating=1)
    assert draft_from_conversations(user=admin_user) == 1
    draft = Article.objects.get()
    assert (draft.state, draft.source, draft.title) == ("draft", "conversation", "Can umbrellas be repaired?")
    assert "within a week" in draft.body
    assert "grace@" not in draft.body
    assert "7946" not in draft.body
    assert draft_from_conversations(user=admin_user) == 0


def test_drafts_are_written_by_the_page(admin_client):
    resolved("Can umbrellas be repaired?", "Yes, we repair umbrellas within a week or so.")
    answer = admin_client.post(reverse("admin:ecomai_support_bot_article_drafts"))
    assert answer.status_code == 302
    assert Article.objects.get().state == "draft"
    assert admin_client.get(reverse("admin:ecomai_support_bot_article_drafts")).status_code == 405
