"""Articles that the bot answers from, and the passages that they are found by."""

from django.conf import settings
from django.db import models
from django.db.models.functions import Coalesce
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from ecomai.commerce.models import Storefronted

LONGEST_BODY = 50_000
LONGEST_QUESTIONS = 4_000


class ArticleQuerySet(models.QuerySet["Article"]):
    def published(self) -> "ArticleQuerySet":
        return self.filter(state=Article.State.PUBLISHED)

    def state_of_all(self) -> tuple[int, int, int]:
        """Three numbers that change with every change of an article, however transactions overlap."""
        found = self.aggregate(
            n=models.Count("pk"),
            versions=Coalesce(models.Sum("version"), 0),
            newest=Coalesce(models.Max("pk"), 0),
        )
        return found["n"], found["versions"], found["newest"]


class Article(Storefronted):
    """What the shop says about one subject, in one language. Only what is published is ever said."""

    class State(models.TextChoices):
        DRAFT = "draft", _("draft")
        PUBLISHED = "published", _("published")

    class Audience(models.TextChoices):
        PUBLIC = "public", _("customers and colleagues")
        INTERNAL = "internal", _("colleagues only")

    class Source(models.TextChoices):
        WRITTEN = "written", _("written here")
        IMPORT = "import", _("imported from a file")
        API = "api", _("another system")
        CONVERSATION = "conversation", _("drafted from a conversation")
        DEMO = "demo", _("the demo")

    external_id = models.CharField(
        _("id"), max_length=128, blank=True, default="",
        help_text=_("Given by the system that it comes from; that system changes it by this id."),
    )  # fmt: skip
    title = models.CharField(_("title"), max_length=200)
    slug = models.SlugField(_("short name"), max_length=200, allow_unicode=True, blank=True)
    language = models.CharField(
        _("language"), max_length=16, default="en", help_text=_("Such as en or zh-hans.")
    )
    category = models.CharField(
        _("category"), max_length=200, blank=True, default="",
        help_text=_("What it is about, such as “returns”, or the category of items that it holds for."),
    )  # fmt: skip
    tags = models.CharField(
        _("tags"), max_length=300, blank=True, default="", help_text=_("Parted by commas.")
    )
    body = models.TextField(_("text"), max_length=LONGEST_BODY, help_text=_("In Markdown."))
    questions = models.TextField(
        _("how customers ask"), max_length=LONGEST_QUESTIONS, blank=True, default="",
        help_text=_("One a line, in other words than the title. The article is found by them, too."),
    )  # fmt: skip
    url = models.CharField(
        _("page"), max_length=1000, blank=True, default="",
        help_text=_("Where customers can read it; answers link there."),
    )  # fmt: skip
    state = models.CharField(_("state"), max_length=16, choices=State, default=State.DRAFT)
    audience = models.CharField(_("for"), max_length=16, choices=Audience, default=Audience.PUBLIC)
    source = models.CharField(
        _("comes from"), max_length=16, choices=Source, default=Source.WRITTEN, editable=False
    )
    version = models.PositiveIntegerField(_("version"), default=1, editable=False)
    author = models.ForeignKey(
        settings.AUTH_USER_MODEL, verbose_name=_("changed by"), null=True, blank=True, editable=False,
        on_delete=models.SET_NULL, related_name="+",
    )  # fmt: skip
    created_at = models.DateTimeField(_("created"), default=timezone.now, editable=False)
    updated_at = models.DateTimeField(_("changed"), default=timezone.now, editable=False)

    objects = ArticleQuerySet.as_manager()

    class Meta:
        verbose_name = _("article")
        verbose_name_plural = _("articles")
        ordering = ("language", "title")
        constraints = (
            models.UniqueConstraint(fields=["storefront", "language", "slug"], name="ecomai_article_slug"),
            models.UniqueConstraint(
                fields=["storefront", "external_id"], name="ecomai_article_external",
                condition=~models.Q(external_id=""),
            ),
        )  # fmt: skip

    def __str__(self) -> str:
        return self.title

    @property
    def is_published(self) -> bool:
        return self.state == self.State.PUBLISHED

    @property
    def is_internal(self) -> bool:
        return self.audience == self.Audience.INTERNAL

    @property
    def asked_as(self) -> list[str]:
        """The title, and how customers ask."""
        lines = (line.strip() for line in self.questions.splitlines())
        return [self.title, *(line for line in lines if line)]


class Passage(models.Model):
    """A part of an article that says something by itself; `start` and `end` are places in its Markdown."""

    article = models.ForeignKey(
        Article, verbose_name=_("article"), on_delete=models.CASCADE, related_name="passages"
    )
    position = models.PositiveIntegerField(_("number"))
    heading = models.CharField(
        _("headings above"), max_length=500, blank=True, default="", help_text=_("From the top, with “>”.")
    )
    text = models.TextField(_("text"))
    start = models.PositiveIntegerField()
    end = models.PositiveIntegerField()

    class Meta:
        verbose_name = _("passage")
        verbose_name_plural = _("passages")
        default_permissions = ()
        ordering = ("article", "position")

    def __str__(self) -> str:
        return self.text[:60]


class Relation(Storefronted):
    """An edge between things of the shop that no passage says; items, categories and brands are the nodes.

    That an item is of a category and of a brand is known from the catalogue, and counts for edges of these.
    """

    class Kind(models.TextChoices):
        COMPATIBLE = "compatible", _("fits")
        INCOMPATIBLE = "incompatible", _("does not fit")
        GOVERNED = "governed", _("is under the rules of the article")

    class Node(models.TextChoices):
        ITEM = "item", _("item")
        CATEGORY = "category", _("category")
        BRAND = "brand", _("brand")
        ARTICLE = "article", _("article")

    kind = models.CharField(_("relation"), max_length=16, choices=Kind)
    subject_kind = models.CharField(_("kind of the first"), max_length=16, choices=Node, default=Node.ITEM)
    subject = models.CharField(
        _("first"), max_length=200,
        help_text=_("The item's id, the category's path, or the brand's name; of an article its short name."),
    )  # fmt: skip
    object_kind = models.CharField(_("kind of the second"), max_length=16, choices=Node, default=Node.ITEM)
    object = models.CharField(_("second"), max_length=200)
    note = models.CharField(
        _("note"), max_length=300, blank=True, default="", help_text=_("Said to customers with the answer.")
    )

    class Meta:
        verbose_name = _("relation")
        verbose_name_plural = _("relations")
        constraints = (
            models.UniqueConstraint(
                fields=["storefront", "kind", "subject_kind", "subject", "object_kind", "object"],
                name="ecomai_relation_once",
            ),
        )

    def __str__(self) -> str:
        return f"{self.subject} {self.get_kind_display()} {self.object}"
