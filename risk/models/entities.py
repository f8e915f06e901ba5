"""What is known of each customer, card, device, address, e-mail and network, in constant space."""

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from ecomai.commerce.models import Storefronted


class StateFields(Storefronted):
    """The past of one entity. The key is a keyed hash of storefront, kind and value: that is kept nowhere."""

    class Kind(models.TextChoices):
        CUSTOMER = "customer", _("customer")
        CARD = "card", _("card")
        DEVICE = "device", _("device")
        ADDRESS = "address", _("address")
        EMAIL = "email", _("e-mail")
        EMAIL_DOMAIN = "email_domain", _("domain of e-mails")
        IP = "ip", _("IP address")
        NETWORK = "network", _("network of IP addresses")

    id = models.UUIDField(primary_key=True, editable=False)
    kind = models.CharField(_("kind"), max_length=16, choices=Kind)
    state = models.BinaryField(_("state"), default=b"", help_text=_("A few hundred bytes, whatever happens."))
    updated_at = models.DateTimeField(_("updated"), default=timezone.now)

    class Meta:
        abstract = True

    def __str__(self) -> str:
        return f"{self.get_kind_display()} {str(self.id)[:8]}"


class EntityState(StateFields):
    """The past of one entity, folded as it happened; `risk.features` writes and reads `state`."""

    class Meta:
        verbose_name = _("state of an entity")
        verbose_name_plural = _("states of entities")
        default_permissions = ()


class RebuiltState(StateFields):
    """The same, while history is folded again: at the end both tables change their names."""

    class Meta:
        verbose_name = _("rebuilt state of an entity")
        verbose_name_plural = _("rebuilt states of entities")
        default_permissions = ()


class StateRebuild(models.Model):
    """History folded once: with which key and features, and how far. The newest that is done counts."""

    key_check = models.CharField(max_length=64, help_text=_("A hash that tells keys apart."))
    features_version = models.PositiveSmallIntegerField(_("version of the features"))
    started_at = models.DateTimeField(_("started"), default=timezone.now)
    done_at = models.DateTimeField(_("done"), null=True, blank=True)
    n_done = models.PositiveBigIntegerField(_("assessments and labels"), default=0)
    # The last one: when it came, 0 an assessment or 1 a label, and its key.
    at = models.DateTimeField(null=True, blank=True)
    place = models.PositiveSmallIntegerField(default=0)
    row = models.BigIntegerField(default=0)

    class Meta:
        verbose_name = _("rebuild of states")
        verbose_name_plural = _("rebuilds of states")
        default_permissions = ()

    def __str__(self) -> str:
        return f"{self.started_at:%Y-%m-%d %H:%M}"
