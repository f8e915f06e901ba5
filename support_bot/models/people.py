"""The people who answer: what they know, when they are there, and what they have at hand."""

from django.conf import settings
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from .conversations import Conversation, Tag

WEEKDAYS = (
    (0, _("Monday")), (1, _("Tuesday")), (2, _("Wednesday")), (3, _("Thursday")), (4, _("Friday")),
    (5, _("Saturday")), (6, _("Sunday")),
)  # fmt: skip


class AgentProfile(models.Model):
    """What a person can answer, how much at once, and whether they are there. Who has none is given none."""

    user = models.OneToOneField(
        settings.AUTH_USER_MODEL, verbose_name=_("person"), on_delete=models.CASCADE,
        related_name="ecomai_agent_profile",
    )  # fmt: skip
    is_away = models.BooleanField(_("away"), default=False, help_text=_("Nobody who is away is given chats."))
    capacity = models.PositiveSmallIntegerField(
        _("chats at once"), default=5, help_text=_("Above so many a person is given no more.")
    )
    languages = models.CharField(
        _("languages"), max_length=200, blank=True, default="",
        help_text=_("Codes with spaces between them, such as “en zh”. Empty: all."),
    )  # fmt: skip
    skills = models.ManyToManyField(
        Tag, verbose_name=_("skills"), blank=True, related_name="agents",
        help_text=_("Chats with these tags come to this person first."),
    )  # fmt: skip
    last_assigned_at = models.DateTimeField(null=True, blank=True, editable=False)

    class Meta:
        verbose_name = _("agent")
        verbose_name_plural = _("agents")
        ordering = ("user_id",)

    def __str__(self) -> str:
        return str(self.user)

    def speaks(self, language: str) -> bool:
        known = self.languages.lower().replace(",", " ").split()
        return not known or not language or language.lower().split("-")[0] in {
            code.split("-")[0] for code in known
        }  # fmt: skip


class Note(models.Model):
    """What colleagues tell each other about a conversation; the customer never reads it."""

    conversation = models.ForeignKey(
        Conversation, verbose_name=_("conversation"), on_delete=models.CASCADE, related_name="notes"
    )
    author = models.ForeignKey(
        settings.AUTH_USER_MODEL, verbose_name=_("person"), null=True, on_delete=models.SET_NULL,
        db_index=False, related_name="+",
    )  # fmt: skip
    text = models.TextField(_("text"))
    created_at = models.DateTimeField(_("written"), default=timezone.now)

    class Meta:
        verbose_name = _("note")
        verbose_name_plural = _("notes")
        ordering = ("created_at", "pk")

    def __str__(self) -> str:
        return self.text[:60]


class CannedAnswer(models.Model):
    """An answer that people give often, in one language. `{name}` and `{order}` are filled in."""

    shortcut = models.SlugField(
        _("shortcut"), help_text=_("What a person types behind a slash; the same in each language.")
    )
    language = models.CharField(_("language"), max_length=16, default="en")
    title = models.CharField(_("title"), max_length=100)
    text = models.TextField(
        _("text"), help_text=_("{name} becomes the customer's name, {order} the newest order, {agent} you.")
    )

    class Meta:
        verbose_name = _("canned answer")
        verbose_name_plural = _("canned answers")
        ordering = ("shortcut", "language")
        constraints = (
            models.UniqueConstraint(fields=["shortcut", "language"], name="ecomai_cannedanswer_once"),
        )

    def __str__(self) -> str:
        return self.title


class OfficeHours(models.Model):
    """A span of a weekday, in the shop's time zone, in which people answer. Without any, they always do."""

    weekday = models.PositiveSmallIntegerField(_("weekday"), choices=WEEKDAYS)
    opens = models.TimeField(_("from"))
    closes = models.TimeField(_("until"))

    class Meta:
        verbose_name = _("office hours")
        verbose_name_plural = _("office hours")
        ordering = ("weekday", "opens")
        constraints = (
            models.CheckConstraint(
                condition=models.Q(opens__lt=models.F("closes")), name="ecomai_officehours_order"
            ),
        )

    def __str__(self) -> str:
        return f"{self.get_weekday_display()} {self.opens:%H:%M}-{self.closes:%H:%M}"


class ClosedDay(models.Model):
    """A day on which nobody answers, such as a holiday."""

    day = models.DateField(_("day"), unique=True)
    name = models.CharField(_("name"), max_length=100, blank=True, default="")

    class Meta:
        verbose_name = _("closed day")
        verbose_name_plural = _("closed days")
        ordering = ("day",)

    def __str__(self) -> str:
        return f"{self.day} {self.name}".strip()
