"""Vouchers that come with a campaign's messages: each customer's own, issued by the shop right before."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

from django.core.cache import cache
from django.db.models import Exists, OuterRef
from django.db.models.fields.json import KT
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _

from ecomai.commerce.adapters import Action, VoucherResult, perform_action
from ecomai.commerce.adapters.base import get_adapter
from ecomai.commerce.adapters.exceptions import ActionRefusedError
from ecomai.commerce.models import Event
from ecomai.numbers import format_percent

from ..channels import Ready
from ..channels.base import speaking
from ..mails import OF_OFFER, names_of
from ..models import Campaign, CampaignVariant, Delivery

State = Delivery.State
#: The type of the event by which a shop tells that a voucher was used; its property `code` says which.
USED = "voucher"
COUNTED_SECONDS = 60


def problems_of_offer(campaign: Campaign, variants: Iterable[CampaignVariant]) -> list[str]:
    """Why its vouchers could not be issued, or nobody would read of them, each as the end of a sentence."""
    names = {variant.name: set(names_of(f"{variant.subject} {variant.body}")) for variant in variants}
    if not campaign.has_offer:
        return [
            _("the text “%(name)s” names a voucher, and there is no offer.") % {"name": name}
            for name, named in names.items()
            if named & set(OF_OFFER)
        ]
    problems = [
        _("the text “%(name)s” does not name the voucher: {{ voucher }}.") % {"name": name}
        for name, named in names.items()
        if "voucher" not in named
    ]
    if Action.ISSUE_VOUCHER not in get_adapter().supports():
        problems.insert(0, _("the shop's adapter cannot issue vouchers."))
    return problems


def issue_vouchers(
    ready: Sequence[Ready], campaign: Campaign, *, check: Callable[[], object] = bool
) -> list[Ready]:
    """Return the messages with each customer's own voucher; whom the shop refuses one is left out.

    A message that is handed over again has the voucher that it had. `check` is called before each, and raises
    where nothing more may go out.
    """
    _keep_ends([one.row for one in ready], campaign)
    issued, with_voucher = [], []
    try:
        for one in ready:
            check()
            row = one.row
            if not row.voucher_code:
                try:
                    row.voucher_code = _issue(row, campaign)
                except ActionRefusedError as error:
                    row.state, row.reason = State.SKIPPED, str(error)[:200]
                    continue
                issued.append(row)
            with_voucher.append(replace(one, values={**one.values, **_values(row, campaign)}))
    finally:
        Delivery.objects.bulk_update(issued, ["voucher_code"])
    return with_voucher


def _keep_ends(rows: Sequence[Delivery], campaign: Campaign) -> None:
    """Write down until when vouchers are valid before any is issued: asked again, the shop hears the same."""
    new = [row for row in rows if row.voucher_until is None]
    until = timezone.now() + timedelta(days=campaign.offer_days)
    for row in new:
        row.voucher_until = until
    Delivery.objects.filter(pk__in=[row.pk for row in new]).update(voucher_until=until)


def _issue(row: Delivery, campaign: Campaign) -> str:
    """Ask the shop, which answers the same again: a worker may die before the code is kept here."""
    result = perform_action(
        Action.ISSUE_VOUCHER, key=f"marketing.delivery.{row.pk}", storefront=campaign.storefront,
        actor_label=f"campaign:{campaign.pk}", customer_id=row.customer.external_id,
        percent=campaign.offer_percent, valid_until=row.voucher_until,
    )  # fmt: skip
    assert isinstance(result, VoucherResult)  # noqa: S101  (see `RESULTS`)
    return result.code


def _values(row: Delivery, campaign: Campaign) -> dict[str, str]:
    with speaking(row.customer.language):
        return offer_values(campaign, code=row.voucher_code, until=row.voucher_until)


def offer_values(campaign: Campaign, *, code: str, until: Any) -> dict[str, str]:
    """Return what texts may name of an offer, in the language that is spoken."""
    discount = format_percent(float(campaign.offer_percent or 0) / 100, _n_decimals(campaign))
    last_day = date_format(timezone.localtime(until), "DATE_FORMAT")
    return {"voucher": code, "discount": discount, "voucher_until": last_day}


def _n_decimals(campaign: Campaign) -> int:
    percent = campaign.offer_percent or 0
    return 0 if percent == int(percent) else 2


def count_vouchers(campaign: Campaign) -> tuple[int, int]:
    """Return how many vouchers went out, and how many were used; a minute old at most."""
    key = f"ecomai.marketing.vouchers.{campaign.pk}"
    counted: tuple[int, int] | None = cache.get(key)
    if counted is None:
        sent = Delivery.objects.filter(campaign=campaign, state=State.SENT).exclude(voucher_code="")
        used = Event.objects.alias(code=KT("properties__code")).filter(
            customer=OuterRef("customer"), type=USED, occurred_at__gte=OuterRef("sent_at"),
            code=OuterRef("voucher_code"),
        )  # fmt: skip
        counted = sent.count(), sent.filter(Exists(used)).count()
        cache.set(key, counted, COUNTED_SECONDS)
    return counted
