"""Vouchers that come with a campaign's messages: each customer's own, issued by the shop right before."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
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


def problems_of_offers(variants: Iterable[CampaignVariant]) -> list[str]:
    """Why vouchers could not be issued, or nobody would read of them, each as the end of a sentence."""
    variants = list(variants)
    problems = [problem for variant in variants if (problem := _problem_of_text(variant))]
    has_offers = any(variant.has_offer for variant in variants)
    if has_offers and Action.ISSUE_VOUCHER not in get_adapter().supports():
        problems.insert(0, _("the shop's adapter cannot issue vouchers."))
    return problems


def _problem_of_text(variant: CampaignVariant) -> str:
    named = set(names_of(f"{variant.subject} {variant.body}"))
    if variant.has_offer and "voucher" not in named:
        problem = _("the text “%(name)s” does not name the voucher: {{ voucher }}.")
    elif not variant.has_offer and named & set(OF_OFFER):
        problem = _("the text “%(name)s” names a voucher, and there is no offer.")
    else:
        return ""
    return problem % {"name": variant.name}


def issue_vouchers(
    ready: Sequence[Ready], campaign: Campaign, *, check: Callable[[], object] = bool
) -> list[Ready]:
    """Return the messages, those with an offer with a voucher of the customer's own.

    Whom the shop refuses one is left out. A message that is handed over again has the voucher that it had.
    `check` is called before each is issued, and raises where nothing more may go out.
    """
    offering = [one for one in ready if one.variant.has_offer]
    _keep_ends(offering)
    lacking = [one for one in offering if not one.row.voucher_code]
    try:
        for one in lacking:
            check()
            _issue(one, campaign)
    finally:
        Delivery.objects.bulk_update([one.row for one in lacking if one.row.voucher_code], ["voucher_code"])
    return [_complete(one) for one in ready if one.row.voucher_code or not one.variant.has_offer]


def _keep_ends(ready: Sequence[Ready]) -> None:
    """Write down until when vouchers are valid before any is issued: asked again, the shop hears the same."""
    new, now = [one for one in ready if one.row.voucher_until is None], timezone.now()
    for one in new:
        one.row.voucher_until = now + timedelta(days=one.variant.offer_days)
    Delivery.objects.bulk_update([one.row for one in new], ["voucher_until"])


def _issue(one: Ready, campaign: Campaign) -> None:
    """Ask the shop, which answers the same again: a worker may die before the code is kept here."""
    row = one.row
    try:
        result = perform_action(
            Action.ISSUE_VOUCHER, key=f"marketing.delivery.{row.pk}", storefront=campaign.storefront,
            actor_label=f"campaign:{campaign.pk}", customer_id=row.customer.external_id,
            percent=one.variant.offer_percent, valid_until=row.voucher_until,
        )  # fmt: skip
    except ActionRefusedError as error:
        row.state, row.reason = State.SKIPPED, str(error)[:200]
        return
    assert isinstance(result, VoucherResult)  # noqa: S101  (see `RESULTS`)
    row.voucher_code = result.code


def _complete(one: Ready) -> Ready:
    """Return the message with what its text may name of its offer."""
    if not one.variant.has_offer:
        return one
    with speaking(one.row.customer.language):
        values = offer_values(one.variant, code=one.row.voucher_code, until=one.row.voucher_until)
    return replace(one, values={**one.values, **values})


def offer_values(variant: CampaignVariant, *, code: str, until: Any) -> dict[str, str]:
    """Return what a text may name of its offer, in the language that is spoken."""
    last_day = date_format(timezone.localtime(until), "DATE_FORMAT")
    return {"voucher": code, "discount": discount_of(variant), "voucher_until": last_day}


def discount_of(variant: CampaignVariant) -> str:
    percent = variant.offer_percent or Decimal(0)
    return format_percent(float(percent) / 100, 0 if percent == int(percent) else 2)


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
