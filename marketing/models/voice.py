"""The voice of the customer: texts, what their sentences are about, and alarms."""

from django.conf import settings
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from ecomai.commerce.models import Customer, Item, Storefronted


class Sentiment(models.TextChoices):
    POSITIVE = "positive", _("positive")
    NEUTRAL = "neutral", _("neutral")
    NEGATIVE = "negative", _("negative")
    UNKNOWN = "unknown", _("unknown")


class SaidBy(models.TextChoices):
    """Who says whether a text is negative."""

    NOBODY = "", _("nobody yet")
    STARS = "stars", _("the stars given")
    MODEL = "model", _("the model")


class Aspect(models.Model):
    """Something that customers talk about, and the words that tell; a shop changes both."""

    slug = models.SlugField(_("short name"), unique=True)
    name = models.CharField(_("name"), max_length=100)
    words = models.TextField(
        _("words"),
        help_text=_(
            "One word or phrase a line, in any language; the beginning of a word is enough: “deliver” finds "
            "“delivered”."
        ),
    )
    examples = models.TextField(
        _("example sentences"), blank=True, default="",
        help_text=_(
            "One sentence a line, in any language. A sentence that means nearly the same is about the "
            "aspect, whatever its words."
        ),
    )  # fmt: skip
    is_active = models.BooleanField(_("in use"), default=True)

    class Meta:
        verbose_name = _("aspect")
        verbose_name_plural = _("aspects")

    def __str__(self) -> str:
        return self.name

    @property
    def phrases(self) -> list[str]:
        return _lines(self.words)

    @property
    def example_sentences(self) -> list[str]:
        return _lines(self.examples)


def _lines(text: str) -> list[str]:
    return [line.strip() for line in text.splitlines() if line.strip()]


class Feedback(Storefronted):
    """A text that a customer, or somebody elsewhere, wrote."""

    class Source(models.TextChoices):
        REVIEW = "review", _("review")
        CHAT = "chat", _("chat")
        FEED = "feed", _("outside feed")

    source = models.CharField(_("source"), max_length=16, choices=Source)
    external_id = models.CharField(_("text id"), max_length=300)
    item = models.ForeignKey(
        Item, verbose_name=_("item"), null=True, blank=True, on_delete=models.SET_NULL, db_index=False,
        related_name="+",
    )  # fmt: skip
    customer = models.ForeignKey(
        Customer, verbose_name=_("customer"), null=True, blank=True, on_delete=models.CASCADE,
        db_index=False, related_name="+",
    )  # fmt: skip
    rating = models.PositiveSmallIntegerField(
        _("stars"), null=True, blank=True, validators=[MinValueValidator(1), MaxValueValidator(5)]
    )
    language = models.CharField(_("language"), max_length=16, blank=True, default="")
    title = models.CharField(_("title"), max_length=300, blank=True, default="")
    text = models.TextField(_("text"))
    url = models.CharField(_("page"), max_length=1000, blank=True, default="")
    written_at = models.DateTimeField(_("written"))
    received_at = models.DateTimeField(_("received"), default=timezone.now)
    sentiment = models.CharField(_("sentiment"), max_length=16, choices=Sentiment, default=Sentiment.UNKNOWN)
    said_by = models.CharField(_("said by"), max_length=16, choices=SaidBy, blank=True, default=SaidBy.NOBODY)
    negative_probability = models.FloatField(_("probability of being negative"), null=True, blank=True)
    version = models.PositiveIntegerField(_("version of the model"), null=True, blank=True)
    read_at = models.DateTimeField(_("read for its meaning"), null=True, blank=True, editable=False)

    class Meta:
        verbose_name = _("text of a customer")
        verbose_name_plural = _("voice of the customer")
        default_permissions = ("view",)
        permissions = [("import_feedback", _("Can import texts of customers"))]
        constraints = [
            models.UniqueConstraint(
                fields=["storefront", "source", "external_id"], name="ecomai_feedback_once"
            ),
        ]
        indexes = [
            models.Index(fields=["-written_at", "id"], name="ecomai_feedback_time"),
            models.Index(
                fields=["customer", "-written_at"], name="ecomai_feedback_customer",
                condition=models.Q(customer__isnull=False),
            ),
            models.Index(
                fields=["item", "-written_at"], name="ecomai_feedback_item",
                condition=models.Q(item__isnull=False),
            ),
            models.Index(fields=["id"], name="ecomai_feedback_unread", condition=models.Q(read_at=None)),
        ]  # fmt: skip

    def __str__(self) -> str:
        return self.title or self.text[:60]


class FeedbackAspect(models.Model):
    """A sentence of a text about one aspect; without one it is about something that has no name yet."""

    class FoundBy(models.TextChoices):
        WORDS = "words", _("its words")
        MEANING = "meaning", _("its meaning")

    feedback = models.ForeignKey(
        Feedback, verbose_name=_("text"), on_delete=models.CASCADE, related_name="sentences"
    )
    aspect = models.ForeignKey(
        Aspect, verbose_name=_("aspect"), null=True, blank=True, on_delete=models.CASCADE, db_index=False,
        related_name="sentences",
    )  # fmt: skip
    position = models.PositiveSmallIntegerField(_("place in the text"))
    sentence = models.TextField(_("sentence"))
    written_at = models.DateTimeField(_("written"))
    sentiment = models.CharField(_("sentiment"), max_length=16, choices=Sentiment, default=Sentiment.UNKNOWN)
    negative_probability = models.FloatField(_("probability of being negative"), null=True, blank=True)
    found_by = models.CharField(_("found by"), max_length=16, choices=FoundBy, default=FoundBy.WORDS)
    topic = models.CharField(_("topic"), max_length=100, blank=True, default="")
    topic_rank = models.PositiveIntegerField(
        _("place in the topic"), null=True, blank=True, help_text=_("1 is the most typical sentence.")
    )

    class Meta:
        verbose_name = _("sentence about an aspect")
        verbose_name_plural = _("sentences about aspects")
        default_permissions = ()
        constraints = [
            models.UniqueConstraint(
                fields=["feedback", "position", "aspect"], name="ecomai_sentence_once"
            ),
            models.UniqueConstraint(
                fields=["feedback", "position"], name="ecomai_sentence_without_aspect_once",
                condition=models.Q(aspect__isnull=True),
            ),
        ]  # fmt: skip
        indexes = [
            models.Index(fields=["aspect", "-written_at"], name="ecomai_sentence_aspect"),
            models.Index(
                fields=["-written_at", "id"], name="ecomai_sentence_negative",
                condition=models.Q(sentiment="negative"),
            ),
        ]  # fmt: skip

    def __str__(self) -> str:
        return self.sentence[:60]


class FeedSource(Storefronted):
    """An RSS or Atom feed that is read each hour."""

    name = models.CharField(_("name"), max_length=100, unique=True)
    url = models.URLField(_("address"), max_length=1000)
    language = models.CharField(_("language"), max_length=16, blank=True, default="")
    is_active = models.BooleanField(_("in use"), default=True)
    fetched_at = models.DateTimeField(_("last read"), null=True, blank=True, editable=False)
    n_taken = models.PositiveIntegerField(_("texts taken"), default=0, editable=False)
    problem = models.CharField(_("problem"), max_length=500, blank=True, default="", editable=False)

    class Meta:
        verbose_name = _("feed")
        verbose_name_plural = _("feeds")

    def __str__(self) -> str:
        return self.name


class VoiceAlarm(Storefronted):
    """An aspect of which customers suddenly complain more; its sentences are found by its days."""

    class State(models.TextChoices):
        OPEN = "open", _("open")
        SEEN = "seen", _("seen")
        CLOSED = "closed", _("closed")

    class Kind(models.TextChoices):
        VOLUME = "volume", _("more complaints")
        SHARE = "share", _("a larger share is negative")

    aspect = models.ForeignKey(
        Aspect, verbose_name=_("aspect"), on_delete=models.CASCADE, related_name="alarms"
    )
    kind = models.CharField(_("what changed"), max_length=16, choices=Kind)
    state = models.CharField(_("state"), max_length=16, choices=State, default=State.OPEN)
    began_on = models.DateField(_("since"))
    until = models.DateField(_("until"))
    n_negative = models.PositiveIntegerField(_("negative sentences"))
    n_expected = models.FloatField(_("expected"))
    share = models.FloatField(_("share that is negative"))
    share_before = models.FloatField(_("share before"))
    p_value = models.FloatField(_("probability by chance"))
    detected_at = models.DateTimeField(_("found"), default=timezone.now)
    changed_at = models.DateTimeField(_("state changed"), null=True, blank=True)
    changed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, verbose_name=_("changed by"), null=True, blank=True,
        on_delete=models.SET_NULL, related_name="+",
    )  # fmt: skip

    class Meta:
        verbose_name = _("alarm of the voice of the customer")
        verbose_name_plural = _("alarms of the voice of the customer")
        default_permissions = ("view",)
        permissions = [("close_voicealarm", _("Can mark alarms as seen and close them"))]
        constraints = [
            models.UniqueConstraint(
                fields=["storefront", "aspect"], name="ecomai_voice_alarm_once",
                condition=~models.Q(state="closed"),
            ),
        ]  # fmt: skip

    def __str__(self) -> str:
        return f"{self.aspect} {self.began_on:%Y-%m-%d}"
