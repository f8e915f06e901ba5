"""What is known of each customer, card, device, address, e-mail and network, in constant space."""

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from ecomai.commerce.models import Storefronted


class EntityState(Storefronted):
    """The past of one entity, folded as it happened; `risk.features` writes and reads `state`.

    The key is a keyed hash of storefront, kind and value: the value itself is kept nowhere.
    """

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
        verbose_name = _("state of an entity")
        verbose_name_plural = _("states of entities")
        default_permissions = ()

    def __str__(self) -> str:
        return f"{self.get_kind_display()} {str(self.id)[:8]}"
