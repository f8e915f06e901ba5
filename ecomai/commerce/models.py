"""The shop as we see it: items, customers, orders, one stream of events, and how they come in.

Everything is keyed by the host's own ids as text, within a storefront.
"""

from django.conf import settings
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _


class Storefronted(models.Model):
    """A row that belongs to one storefront of the shop; '' is the only one most shops have."""

    storefront = models.CharField(_("storefront"), max_length=64, blank=True, default="")

    class Meta:
        abstract = True


class Item(Storefronted):
    """A thing the shop sells, or sold."""

    external_id = models.CharField(
        _("item id"), max_length=128, help_text=_("The shop's own id of the item.")
    )
    title = models.CharField(_("title"), max_length=500)
    description = models.TextField(_("description"), blank=True, default="")
    category_path = models.CharField(
        _("category"),
        max_length=500,
        blank=True,
        default="",
        help_text=_("From wide to narrow, joined by “ > ”."),
    )
    brand = models.CharField(_("brand"), max_length=200, blank=True, default="")
    attributes = models.JSONField(_("attributes"), default=dict, blank=True)
    price = models.DecimalField(_("price"), max_digits=14, decimal_places=4, null=True, blank=True)
    cost = models.DecimalField(
        _("cost"), max_digits=14, decimal_places=4, null=True, blank=True,
        help_text=_("What the shop pays for it, in the currency of the price; empty if it does not say."),
    )  # fmt: skip
    currency = models.CharField(_("currency"), max_length=3, blank=True, default="")
    stock = models.IntegerField(
        _("stock"), null=True, blank=True, help_text=_("Empty if the shop does not say.")
    )
    url = models.CharField(_("page"), max_length=1000, blank=True, default="")
    image_urls = models.JSONField(_("pictures"), default=list, blank=True)
    is_active = models.BooleanField(_("active"), default=True, help_text=_("Whether customers can buy it."))
    listed_at = models.DateTimeField(_("listed"), default=timezone.now)
    updated_at = models.DateTimeField(_("updated"), default=timezone.now)

    class Meta:
        verbose_name = _("item")
        verbose_name_plural = _("items")
        constraints = [
            models.UniqueConstraint(fields=["storefront", "external_id"], name="ecomai_item_once"),
        ]
        indexes = [
            models.Index(fields=["storefront", "is_active", "category_path"], name="ecomai_item_category"),
            models.Index(fields=["updated_at"], name="ecomai_item_updated"),
        ]

    def __str__(self) -> str:
        return self.title

    @property
    def is_in_stock(self) -> bool:
        return self.stock is None or self.stock > 0


class Customer(Storefronted):
    """A customer under the shop's own id; pseudonymous: no name, no address, no e-mail is kept here."""

    external_id = models.CharField(_("customer id"), max_length=128)
    language = models.CharField(_("language"), max_length=16, blank=True, default="")
    country = models.CharField(_("country"), max_length=64, blank=True, default="")
    traits = models.JSONField(
        _("traits"), default=dict, blank=True, help_text=_("What the shop chose to share, such as a group.")
    )
    first_seen_at = models.DateTimeField(_("first seen"), default=timezone.now)
    updated_at = models.DateTimeField(_("updated"), default=timezone.now)

    class Meta:
        verbose_name = _("customer")
        verbose_name_plural = _("customers")
        constraints = [
            models.UniqueConstraint(fields=["storefront", "external_id"], name="ecomai_customer_once"),
        ]

    def __str__(self) -> str:
        return self.external_id


class Order(Storefronted):
    """What was bought together, in one currency."""

    class Status(models.TextChoices):
        PLACED = "placed", _("placed")
        PAID = "paid", _("paid")
        ON_HOLD = "on_hold", _("on hold")
        SHIPPED = "shipped", _("shipped")
        COMPLETED = "completed", _("completed")
        CANCELLED = "cancelled", _("cancelled")
        RETURNED = "returned", _("returned")

    external_id = models.CharField(_("order id"), max_length=128)
    customer = models.ForeignKey(
        Customer,
        verbose_name=_("customer"),
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        related_name="orders",
    )
    session_id = models.CharField(_("session"), max_length=128, blank=True, default="")
    channel = models.CharField(_("channel"), max_length=32, default="web")
    status = models.CharField(_("status"), max_length=16, choices=Status, default=Status.PLACED)
    currency = models.CharField(_("currency"), max_length=3)
    total = models.DecimalField(_("total"), max_digits=16, decimal_places=4, default=0)
    placed_at = models.DateTimeField(_("placed"))
    updated_at = models.DateTimeField(_("updated"), default=timezone.now)

    class Meta:
        verbose_name = _("order")
        verbose_name_plural = _("orders")
        constraints = [
            models.UniqueConstraint(fields=["storefront", "external_id"], name="ecomai_order_once"),
        ]
        indexes = [
            models.Index(fields=["customer", "-placed_at"], name="ecomai_order_customer"),
            models.Index(fields=["-placed_at"], name="ecomai_order_placed"),
        ]

    def __str__(self) -> str:
        return self.external_id


class OrderLine(models.Model):
    order = models.ForeignKey(
        Order, verbose_name=_("order"), on_delete=models.CASCADE, db_index=False, related_name="lines"
    )
    position = models.PositiveIntegerField(_("position"))
    item = models.ForeignKey(
        Item,
        verbose_name=_("item"),
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        related_name="order_lines",
    )
    description = models.CharField(_("description"), max_length=500, blank=True, default="")
    quantity = models.IntegerField(_("quantity"), default=1)
    returned_quantity = models.IntegerField(_("returned"), default=0)
    unit_price = models.DecimalField(_("unit price"), max_digits=14, decimal_places=4)

    class Meta:
        verbose_name = _("order line")
        verbose_name_plural = _("order lines")
        constraints = [
            models.UniqueConstraint(fields=["order", "position"], name="ecomai_order_line_once"),
        ]

    def __str__(self) -> str:
        return f"{self.quantity} × {self.description}"


class EventType(models.TextChoices):
    """The kinds of events with a meaning of their own; any other short text is accepted and kept too."""

    VIEW = "view", _("view")
    SEARCH = "search", _("search")
    IMPRESSION = "impression", _("impression")
    CLICK = "click", _("click")
    CART = "cart", _("added to basket")
    CART_REMOVE = "cart_remove", _("taken out of basket")
    WISHLIST = "wishlist", _("wish list")
    CHECKOUT = "checkout", _("checkout")
    PURCHASE = "purchase", _("purchase")
    RETURN = "return", _("return")
    CANCELLATION = "cancellation", _("cancellation")
    RATING = "rating", _("rating")
    REVIEW = "review", _("review")
    PAYMENT_FAILURE = "payment_failure", _("payment failure")
    LOGIN = "login", _("login")
    CHAT = "chat", _("chat")
    MESSAGE_SENT = "message_sent", _("message sent")
    MESSAGE_OPEN = "message_open", _("message opened")
    MESSAGE_CLICK = "message_click", _("message clicked")
    AD_IMPRESSION = "ad_impression", _("advertisement seen")
    AD_CLICK = "ad_click", _("advertisement clicked")


class EventKey(models.Model):
    """Makes an event's key count once for the whole shop, whatever partition the event lies in."""

    id = models.UUIDField(primary_key=True, help_text=_("A hash of storefront and key."))
    occurred_at = models.DateTimeField(_("occurred"))

    class Meta:
        verbose_name = _("event key")
        verbose_name_plural = _("event keys")

    def __str__(self) -> str:
        return str(self.id)


class Event(Storefronted):
    """Something that happened, in any channel. On PostgreSQL partitioned by month of `occurred_at`.

    Rows are never changed; `customer` is set later only when a session is identified.
    """

    key = models.UUIDField(_("key"), help_text=_("A hash of storefront and the key the shop gave."))
    type = models.CharField(_("type"), max_length=32)
    channel = models.CharField(_("channel"), max_length=32, default="web")
    customer = models.ForeignKey(
        Customer, verbose_name=_("customer"), null=True, blank=True, on_delete=models.DO_NOTHING,
        db_constraint=False, db_index=False, related_name="events",
    )  # fmt: skip
    session_id = models.CharField(_("session"), max_length=128, blank=True, default="")
    item = models.ForeignKey(
        Item, verbose_name=_("item"), null=True, blank=True, on_delete=models.DO_NOTHING,
        db_constraint=False, db_index=False, related_name="events",
    )  # fmt: skip
    order_external_id = models.CharField(_("order id"), max_length=128, blank=True, default="")
    quantity = models.IntegerField(_("quantity"), default=1)
    value = models.DecimalField(_("value"), max_digits=16, decimal_places=4, null=True, blank=True)
    currency = models.CharField(_("currency"), max_length=3, blank=True, default="")
    query = models.CharField(_("query"), max_length=500, blank=True, default="")
    properties = models.JSONField(_("properties"), default=dict, blank=True)
    occurred_at = models.DateTimeField(_("occurred"))
    received_at = models.DateTimeField(_("received"), default=timezone.now)

    class Meta:
        verbose_name = _("event")
        verbose_name_plural = _("events")
        # Each index costs every event that comes; those without a customer, session or item are in none.
        indexes = [
            models.Index(
                fields=["customer", "-occurred_at"], name="ecomai_event_customer",
                condition=models.Q(customer__isnull=False),
            ),
            models.Index(
                fields=["session_id", "-occurred_at"], name="ecomai_event_session",
                condition=~models.Q(session_id=""),
            ),
            models.Index(
                fields=["item", "-occurred_at"], name="ecomai_event_item",
                condition=models.Q(item__isnull=False),
            ),
            models.Index(fields=["-occurred_at", "id"], name="ecomai_event_time"),
        ]  # fmt: skip

    def __str__(self) -> str:
        return f"{self.type} {self.occurred_at:%Y-%m-%d %H:%M}"


class ExchangeRate(models.Model):
    """What one unit of a currency was worth in the reporting currency, from a day on."""

    currency = models.CharField(_("currency"), max_length=3)
    valid_from = models.DateField(_("valid from"))
    rate = models.DecimalField(_("rate"), max_digits=20, decimal_places=10)

    class Meta:
        verbose_name = _("exchange rate")
        verbose_name_plural = _("exchange rates")
        constraints = [models.UniqueConstraint(fields=["currency", "valid_from"], name="ecomai_rate_once")]

    def __str__(self) -> str:
        return f"{self.currency} {self.valid_from}"


class ApiKey(Storefronted):
    """A key to our REST endpoints. Publishable keys live in pages, secret keys on servers.

    Only a SHA-256 of a secret key is stored; both kinds carry scopes and may end at a time (rotation).
    """

    class Kind(models.TextChoices):
        PUBLISHABLE = "publishable", _("publishable: in pages")
        SECRET = "secret", _("secret: on servers")

    name = models.CharField(_("name"), max_length=100)
    kind = models.CharField(_("kind"), max_length=16, choices=Kind)
    prefix = models.CharField(_("begins with"), max_length=16, editable=False, db_index=True)
    digest = models.CharField(max_length=64, unique=True, editable=False)
    scopes = models.JSONField(_("scopes"), default=list)
    origins = models.JSONField(
        _("origins"),
        default=list,
        blank=True,
        help_text=_("For publishable keys: the shop's addresses, such as https://shop.example."),
    )
    created_at = models.DateTimeField(_("created"), auto_now_add=True)
    expires_at = models.DateTimeField(_("ends"), null=True, blank=True)
    revoked_at = models.DateTimeField(_("revoked"), null=True, blank=True)
    last_used_at = models.DateTimeField(_("last used"), null=True, blank=True, editable=False)
    replaces = models.ForeignKey(
        "self", verbose_name=_("replaces"), null=True, blank=True, on_delete=models.SET_NULL, editable=False
    )

    class Meta:
        verbose_name = _("API key")
        verbose_name_plural = _("API keys")

    def __str__(self) -> str:
        return f"{self.name} ({self.prefix}…)"


class RejectedRow(Storefronted):
    """A row that could not be taken, kept whole with the reason, to be mended and replayed."""

    class State(models.TextChoices):
        WAITING = "waiting", _("waiting")
        REPLAYED = "replayed", _("replayed")
        DISMISSED = "dismissed", _("dismissed")

    source = models.CharField(
        _("source"), max_length=200, help_text=_("The endpoint or file the row came from.")
    )
    kind = models.CharField(_("kind"), max_length=32, help_text=_("event, item, customer, order or rate."))
    row_number = models.BigIntegerField(_("row"), null=True, blank=True)
    code = models.CharField(_("reason code"), max_length=64)
    reason = models.TextField(_("reason"))
    payload = models.JSONField(_("row as it came"))
    digest = models.CharField(max_length=64, unique=True, help_text=_("Makes the same bad row count once."))
    state = models.CharField(_("state"), max_length=16, choices=State, default=State.WAITING)
    received_at = models.DateTimeField(_("received"), default=timezone.now)
    resolved_at = models.DateTimeField(_("resolved"), null=True, blank=True)
    resolved_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )

    class Meta:
        verbose_name = _("rejected row")
        verbose_name_plural = _("rejected rows")
        indexes = [models.Index(fields=["state", "-received_at"], name="ecomai_rejected_state")]

    def __str__(self) -> str:
        return f"{self.source}:{self.row_number or '-'} {self.code}"


class ImportCheckpoint(models.Model):
    """How far a back-fill or a file import has come, so that it resumes there."""

    source = models.CharField(_("source"), max_length=200, unique=True)
    position = models.CharField(_("position"), max_length=200, blank=True, default="")
    rows_done = models.BigIntegerField(_("rows done"), default=0)
    summary = models.JSONField(_("summary"), default=dict)
    updated_at = models.DateTimeField(_("updated"), auto_now=True)
    finished_at = models.DateTimeField(_("finished"), null=True, blank=True)

    class Meta:
        verbose_name = _("import")
        verbose_name_plural = _("imports")

    def __str__(self) -> str:
        return self.source


class CrawlerCount(models.Model):
    """How many events of crawlers were left out, by day and storefront."""

    storefront = models.CharField(_("storefront"), max_length=64, blank=True, default="")
    day = models.DateField(_("day"))
    n_events = models.BigIntegerField(_("events left out"), default=0)

    class Meta:
        verbose_name = _("crawler visits of a day")
        verbose_name_plural = _("crawler visits")
        constraints = [models.UniqueConstraint(fields=["storefront", "day"], name="ecomai_crawler_day_once")]

    def __str__(self) -> str:
        return f"{self.day} {self.n_events}"


class ActionRecord(Storefronted):
    """An action that the shop carried out for us; its key makes it happen once, however often it is asked.

    Keys and arguments are kept as hashes: they may name a customer or hold an address.
    """

    action = models.CharField(_("action"), max_length=32)
    key_digest = models.CharField(max_length=64, unique=True)
    arguments_digest = models.CharField(max_length=64)
    result = models.JSONField(_("result"), default=dict)
    performed_at = models.DateTimeField(_("performed"), default=timezone.now)

    class Meta:
        verbose_name = _("action at the shop")
        verbose_name_plural = _("actions at the shop")
        indexes = [models.Index(fields=["-performed_at"], name="ecomai_action_performed")]

    def __str__(self) -> str:
        return f"{self.action} {self.performed_at:%Y-%m-%d %H:%M}"
