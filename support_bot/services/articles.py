"""Writing articles: every change goes through here, so that passages and versions follow."""

from collections.abc import Mapping
from typing import Any

from django.db import transaction
from django.db.models import F
from django.utils import timezone
from django.utils.text import slugify
from django.utils.translation import gettext as _

from ecomai.exceptions import InvalidInputError, PermissionDeniedError

from ..knowledge.markdown import parts_of
from ..models import Article, Passage
from ..models.knowledge import LONGEST_BODY, LONGEST_QUESTIONS

CHANGE, ADD = "ecomai_support_bot.change_article", "ecomai_support_bot.add_article"
#: What somebody may give.
FIELDS = (
    "title", "language", "category", "tags", "body", "questions", "url", "state", "audience", "slug",
)  # fmt: skip


def save_article(article: Article, *, user: Any = None) -> Article:
    """Write an article that was filled in, and cut it into passages; its new text is found at once."""
    _check(article)
    with transaction.atomic():
        article.slug = _free_slug(article)
        article.author = user
        article.updated_at = timezone.now()
        is_new = article.pk is None
        article.save()
        if not is_new:
            Article.objects.filter(pk=article.pk).update(version=F("version") + 1)
            article.refresh_from_db(fields=["version"])
        _cut(article)
    return article


def upsert_article(
    *, external_id: str, values: Mapping[str, Any], storefront: str = "",
    source: str = Article.Source.API, user: Any = None,
) -> tuple[Article, bool]:  # fmt: skip
    """Write the article with an id of the system that it comes from; return it, and whether it changed.

    The same again changes nothing.
    """
    with transaction.atomic():
        found = Article.objects.select_for_update().filter(storefront=storefront, external_id=external_id)
        article = found.first() or Article(storefront=storefront, external_id=external_id, source=source)
        given = {name: value for name, value in values.items() if name in FIELDS}
        if article.pk and all(getattr(article, name) == value for name, value in given.items()):
            return article, False
        for name, value in given.items():
            setattr(article, name, value)
        return save_article(article, user=user), True


def publish_articles(articles: Any, *, user: Any) -> int:
    """Publish drafts that a person has read; return how many."""
    if not user.has_perm(CHANGE):
        raise PermissionDeniedError
    drafts = list(articles.filter(state=Article.State.DRAFT))
    for article in drafts:
        article.state = Article.State.PUBLISHED
        save_article(article, user=user)
    return len(drafts)


def remove_article(*, external_id: str, storefront: str = "") -> bool:
    """Remove the article with an id of its system; whether there was one."""
    return Article.objects.filter(storefront=storefront, external_id=external_id).delete()[0] > 0


def _check(article: Article) -> None:
    """Raises InvalidInputError with what is wrong."""
    if not article.title.strip():
        raise InvalidInputError(reason=_("an article needs a title."))
    if not parts_of(article.body):
        raise InvalidInputError(reason=_("an article needs a text."))
    if len(article.body) > LONGEST_BODY or len(article.questions) > LONGEST_QUESTIONS:
        raise InvalidInputError(reason=_("an article may have %(most)s letters.") % {"most": LONGEST_BODY})
    if article.url and not is_page(article.url):
        raise InvalidInputError(reason=_("a page begins with https://, http:// or /."))
    if "\0" in article.title + article.body + article.questions:
        raise InvalidInputError(reason=_("it is no text."))


def is_page(url: str) -> bool:
    """Whether a customer's browser can be sent there: a link must not run anything."""
    return url.startswith(("https://", "http://", "/")) and not url.startswith("//")


def _free_slug(article: Article) -> str:
    """Return the short name, or one of the title, with a number where another article has it."""
    wanted = (article.slug or slugify(article.title, allow_unicode=True))[:190] or "article"
    others = Article.objects.filter(storefront=article.storefront, language=article.language)
    taken = set(others.exclude(pk=article.pk).filter(slug__startswith=wanted).values_list("slug", flat=True))
    return next(
        name for n in range(len(taken) + 1) if (name := f"{wanted}-{n}" if n else wanted) not in taken
    )


def _cut(article: Article) -> None:
    """Write the passages anew, unless the text is as it was."""
    parts = parts_of(article.body)
    known = list(article.passages.order_by("position").values_list("heading", "text", "start", "end"))
    if known == [(part.heading, part.text, part.start, part.end) for part in parts]:
        return
    article.passages.all().delete()
    Passage.objects.bulk_create(
        Passage(
            article=article, position=at, heading=part.heading, text=part.text, start=part.start,
            end=part.end,
        )
        for at, part in enumerate(parts)
    )  # fmt: skip
