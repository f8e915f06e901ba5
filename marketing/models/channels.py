"""What channels need besides deliveries: topics, webhooks, what waits on the site, suppressed addresses."""

from django.conf import settings
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from ecomai.commerce.models import Customer, Storefronted


class Channel(models.TextChoices):
    """By which way a message reaches its customer; the names are those of the consent ledger."""

    EMAIL = "email", _("e-mail")
    WEBHOOK = "webhook", _("webhook")
    ONSITE = "onsite", _("place on the site")
    CHAT = "chat", _("chat")


class Topic(models.Model):
    """What messages are about, so that a customer can keep some of them and refuse others."""

    slug = models.SlugField(_("short name"), max_length=40, unique=True)
    name = models.CharField(_("name"), max_length=80)
    description = models.CharField(
        _("description"), max_length=200, blank=True, default="", help_text=_("Customers read it.")
    )
    is_active = models.BooleanField(_("in use"), default=True)

    class Meta:
        verbose_name = _("topic of messages")
        verbose_name_plural = _("topics of messages")

    def __str__(self) -> str:
        return self.name


class WebhookEndpoint(models.Model):
    """Where a program takes messages and passes them on, such as to telephones."""

    name = models.CharField(_("name"), max_length=80, unique=True)
    url = models.CharField(_("address"), max_length=500, help_text=_("It takes JSON by POST."))
    secret = models.CharField(_("secret"), max_length=200, editable=False)
    is_active = models.BooleanField(_("in use"), default=True)
    created_at = models.DateTimeField(_("created"), default=timezone.now, editable=False)

    class Meta:
        verbose_name = _("webhook of campaigns")
        verbose_name_plural = _("webhooks of campaigns")

    def __str__(self) -> str:
        return self.name


class Messaging(models.Model):
    """How the messages of a campaign travel, and what they cost."""

    channel = models.CharField(_("channel"), max_length=16, choices=Channel, default=Channel.EMAIL)
    endpoint = models.ForeignKey(
        WebhookEndpoint, verbose_name=_("webhook"), null=True, blank=True, on_delete=models.PROTECT,
        related_name="+", help_text=_("For the channel “webhook”."),
    )  # fmt: skip
    slot = models.SlugField(
        _("place"), max_length=64, blank=True, default="",
        help_text=_("For the channel “place on the site”: its name in the shop's pages."),
    )  # fmt: skip
    most_views = models.PositiveIntegerField(
        _("seen at most"), default=5, validators=[MinValueValidator(1), MaxValueValidator(1000)],
        help_text=_("So often a customer sees it on the site."),
    )  # fmt: skip
    topic = models.ForeignKey(
        Topic, verbose_name=_("topic"), null=True, blank=True, on_delete=models.PROTECT, related_name="+",
        help_text=_("Who refused it gets none."),
    )  # fmt: skip

    class Meta:
        abstract = True


class OnsiteMessage(models.Model):
    """What waits on the site for one customer: shown while its campaign runs, and not too often."""

    delivery = models.OneToOneField(
        "ecomai_marketing.Delivery", verbose_name=_("delivery"), on_delete=models.CASCADE,
        related_name="onsite",
    )  # fmt: skip
    customer = models.ForeignKey(
        Customer, verbose_name=_("customer"), on_delete=models.CASCADE, db_index=False, related_name="+"
    )
    slot = models.SlugField(_("place"), max_length=64, db_index=False)
    subject = models.CharField(_("title"), max_length=500)
    body = models.TextField(_("text"))
    target_url = models.CharField(_("leads to"), max_length=500, blank=True, default="")
    expires_at = models.DateTimeField(_("until"))
    n_views = models.PositiveIntegerField(_("seen"), default=0)
    seen_at = models.DateTimeField(_("first seen"), null=True, blank=True)
    clicked_at = models.DateTimeField(_("first clicked"), null=True, blank=True)
    dismissed_at = models.DateTimeField(_("dismissed"), null=True, blank=True)

    class Meta:
        verbose_name = _("message on the site")
        verbose_name_plural = _("messages on the site")
        default_permissions = ()
        indexes = [
            models.Index(
                fields=["customer", "slot"], name="ecomai_onsite_waiting",
                condition=models.Q(dismissed_at=None),
            ),
        ]  # fmt: skip

    def __str__(self) -> str:
        return f"{self.slot} {self.customer_id}"


class MailProblem(Storefronted):
    """A bounce or a complaint that a mail server told us of; each once."""

    class Kind(models.TextChoices):
        HARD_BOUNCE = "hard_bounce", _("no such address")
        SOFT_BOUNCE = "soft_bounce", _("could not be delivered for now")
        COMPLAINT = "complaint", _("complaint")

    key = models.CharField(_("key"), max_length=200, help_text=_("The same key again is the same problem."))
    kind = models.CharField(_("kind"), max_length=16, choices=Kind)
    address_digest = models.UUIDField(_("address"), help_text=_("A keyed hash."))
    delivery = models.ForeignKey(
        "ecomai_marketing.Delivery", verbose_name=_("delivery"), null=True, blank=True,
        on_delete=models.SET_NULL, related_name="+",
    )  # fmt: skip
    reason = models.CharField(_("reason"), max_length=200, blank=True, default="")
    occurred_at = models.DateTimeField(_("occurred"), default=timezone.now)

    class Meta:
        verbose_name = _("problem of a mail")
        verbose_name_plural = _("problems of mails")
        default_permissions = ()
        constraints = [
            models.UniqueConstraint(fields=["storefront", "key"], name="ecomai_mail_problem_once"),
        ]
        indexes = [
            models.Index(fields=["address_digest", "occurred_at"], name="ecomai_mail_problem_address"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.key}"


class Suppression(Storefronted):
    """An address that no campaign and no journey writes to. The address itself is not kept."""

    address_digest = models.UUIDField(_("address"), help_text=_("A keyed hash."))
    customer = models.ForeignKey(
        Customer, verbose_name=_("customer"), null=True, blank=True, on_delete=models.SET_NULL,
        related_name="+",
    )  # fmt: skip
    kind = models.CharField(_("kind"), max_length=16, choices=MailProblem.Kind)
    reason = models.CharField(_("reason"), max_length=200, blank=True, default="")
    created_at = models.DateTimeField(_("since"), default=timezone.now)
    lifted_at = models.DateTimeField(_("lifted"), null=True, blank=True)
    lifted_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, verbose_name=_("lifted by"), null=True, blank=True,
        on_delete=models.SET_NULL, related_name="+",
    )  # fmt: skip

    class Meta:
        verbose_name = _("suppressed address")
        verbose_name_plural = _("suppressed addresses")
        default_permissions = ("view",)
        permissions = [("lift_suppression", _("Can let an address be written to again"))]
        constraints = [
            models.UniqueConstraint(
                fields=["storefront", "address_digest"], condition=models.Q(lifted_at=None),
                name="ecomai_suppression_once",
            ),
        ]  # fmt: skip

    def __str__(self) -> str:
        return f"{self.kind} {self.created_at:%Y-%m-%d}"
