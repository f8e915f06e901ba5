"""From what the shop asks to what is kept: checked, hashed, summed up, without what identifies a person.

`prepare` makes an assessment that is not stored yet; `event_of` makes of any assessment, new or years old,
what the features see. Training replays history through the latter, so both see the same.
"""

import hashlib
import json
import math
from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.utils import timezone
from django.utils.translation import gettext as _

from ecomai.capabilities import RiskLine, RiskQuestion
from ecomai.commerce.checking import CURRENCY
from ecomai.commerce.exceptions import NoExchangeRateError
from ecomai.commerce.selectors import to_reporting_currency
from ecomai.inference.pictures import UnreadablePictureError, check_picture

from .app_settings import app_settings
from .exceptions import InvalidQuestionError
from .features import CODES, RiskEvent
from .hashing import clean_address, clean_email, clean_ip, digest_text, hash_entity, short_hash
from .models import Assessment, Kind
from .texts import address_numbers, email_numbers, text_numbers

MOST = Decimal(10) ** 11
CENT = Decimal("0.0001")
MOST_TEXT = 10_000
MOST_PROPERTIES = 4096
LENGTHS = {"external_id": 128, "customer_id": 128, "session_id": 128, "storefront": 64}
#: Kinds whose text is what is judged, so it is kept.
WITH_TEXT = (Kind.FAKE_REVIEW, Kind.LISTING)
COMMON_DOMAINS = frozenset({
    "gmail.com", "googlemail.com", "outlook.com", "hotmail.com", "hotmail.co.uk", "live.com", "msn.com",
    "yahoo.com", "yahoo.co.uk", "yahoo.co.jp", "ymail.com", "icloud.com", "me.com", "mac.com",
    "aol.com", "gmx.de", "gmx.net", "gmx.at", "web.de", "t-online.de", "freenet.de", "orange.fr",
    "free.fr", "laposte.net", "wanadoo.fr", "libero.it", "virgilio.it", "mail.ru", "yandex.ru",
    "rambler.ru", "qq.com", "163.com", "126.com", "sina.com", "foxmail.com", "naver.com", "daum.net",
    "proton.me", "protonmail.com", "comcast.net", "verizon.net", "att.net", "btinternet.com",
    "uol.com.br", "terra.com.br", "bol.com.br", "wp.pl", "o2.pl", "onet.pl", "seznam.cz",
})  # fmt: skip
_HASHED = ("customer", "card", "device", "address", "email", "ip")


def prepare(question: RiskQuestion) -> Assessment:
    """Return an assessment of a question, not stored and not answered. Raises InvalidQuestionError."""
    _check(question)
    occurred_at = question.occurred_at or timezone.now()
    network = clean_ip(question.ip_address) if question.ip_address else None
    row = Assessment(
        storefront=question.storefront, kind=question.kind, external_id=question.external_id,
        digest=digest_text(_canonical(question)), customer_external_id=question.customer_id,
        session_id=question.session_id, occurred_at=occurred_at, amount=question.amount,
        currency=question.currency, amount_reporting=_reporting(question, occurred_at),
        shown=_shown(question, network), payload=_payload(question, occurred_at),
        **_hashes(question, network),
    )  # fmt: skip
    row.pictures = tuple(question.pictures)
    if row.amount_reporting is not None:
        row.payload["numbers"]["amount"] = float(row.amount_reporting)
    return row


def event_of(row: Assessment) -> RiskEvent:
    """Return what the features see of an assessment that has its `received_at`."""
    payload = row.payload
    keys = {kind: entity.bytes for kind, entity in entities_of(row).items()}
    at = row.received_at.timestamp()
    gap = (row.occurred_at.timestamp() - at) / 60
    return RiskEvent(
        at=at, code=CODES[row.kind], keys=keys, hour=payload["hour"], country=payload["country"],
        amount=None if row.amount_reporting is None else float(row.amount_reporting),
        categories=tuple(payload["categories"]),
        numbers=payload["numbers"] | {"clock_gap_minutes": min(max(gap, -1440.0), 1440.0)},
    )  # fmt: skip


def entities_of(row: Assessment) -> dict[str, UUID]:
    """Return the ids of the entities that an assessment names, by kind.

    A domain of e-mails that half the customers share says nothing, and would be a row that all wait for.
    """
    found = {kind: getattr(row, kind) for kind in _HASHED if getattr(row, kind) is not None}
    for kind in ("network", "email_domain"):
        value = row.shown.get(kind)
        if value and value not in COMMON_DOMAINS:
            found[kind] = hash_entity(row.storefront, kind, value)
    return found


def _check(question: RiskQuestion) -> None:
    if question.kind not in Kind.values:
        raise _wrong(_("there is no kind “%(kind)s”."), kind=question.kind)
    if not question.external_id:
        raise _wrong(_("it has no id."))
    for name, most in LENGTHS.items():
        if len(getattr(question, name)) > most:
            raise _wrong(_("“%(field)s” is longer than %(most)s characters."), field=name, most=most)
    if question.amount is not None or question.currency:
        _check_money(question)
    if len(question.lines) > app_settings.MAX_LINES:
        raise _wrong(_("it has more than %(most)s lines."), most=app_settings.MAX_LINES)
    for line in question.lines:
        if not (line.unit_price.is_finite() and 0 <= line.unit_price < MOST and 0 <= line.quantity < 10**9):
            raise _wrong(_("a line has a price or a quantity that cannot be right."))
    if question.occurred_at is not None and timezone.is_naive(question.occurred_at):
        raise _wrong(_("its time has no zone."))
    _check_texts(question)
    _check_pictures(question)


def _check_money(question: RiskQuestion) -> None:
    amount = question.amount
    if amount is not None and not (amount.is_finite() and 0 <= amount < MOST):
        raise _wrong(_("the amount %(amount)s cannot be right."), amount=str(amount)[:40])
    if not CURRENCY.fullmatch(question.currency):
        raise _wrong(
            _("“%(currency)s” is no currency code; use three capital letters, such as “EUR”."),
            currency=question.currency[:40],
        )


def _check_texts(question: RiskQuestion) -> None:
    if len(question.text) > MOST_TEXT or len(question.title) > 500:
        raise _wrong(_("its text is longer than %(most)s characters."), most=MOST_TEXT)
    kept = json.dumps([question.external_id, question.customer_id, question.title, question.text,
                       question.session_id, dict(question.properties)], default=str)  # fmt: skip
    if "\\u0000" in kept:
        raise _wrong(_("a text has a character that cannot be stored."))
    if len(json.dumps(dict(question.properties), default=str)) > MOST_PROPERTIES:
        raise _wrong(_("its properties are larger than %(most)s bytes."), most=MOST_PROPERTIES)


def _check_pictures(question: RiskQuestion) -> None:
    """By size and by what they are; whether they can be decoded turns out later, within the time budget."""
    if len(question.pictures) > app_settings.MAX_PICTURES:
        raise _wrong(_("it has more than %(most)s pictures."), most=app_settings.MAX_PICTURES)
    for content in question.pictures:
        if len(content) > app_settings.PICTURE_MAX_BYTES:
            raise _wrong(_("a picture is larger than %(most)s bytes."), most=app_settings.PICTURE_MAX_BYTES)
        if app_settings.IMAGE_ENCODER:
            _check_picture(content)


def _check_picture(content: bytes) -> None:
    try:
        check_picture(content)
    except UnreadablePictureError as error:
        raise _wrong(_("a picture cannot be read (%(why)s)."), why=error.reason) from None


def _wrong(reason: str, **params: Any) -> InvalidQuestionError:
    return InvalidQuestionError(reason=reason % params)


def _canonical(question: RiskQuestion) -> str:
    """One spelling of a question, in which 10 and 10.00 are the same."""
    values = vars(question) | {"lines": [vars(line) for line in question.lines]}
    values |= {"properties": dict(question.properties), "coupons": list(question.coupons)}
    # Questions without pictures are spelt as before there were any, so that they are known again.
    pictures = [hashlib.sha256(content).hexdigest() for content in values.pop("pictures")]
    values |= {"pictures": pictures} if pictures else {}
    return json.dumps(values, sort_keys=True, default=_plain)


def _plain(value: Any) -> str:
    if isinstance(value, Decimal):
        return format(value.normalize(), "f")
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat()
    return str(value)


def _reporting(question: RiskQuestion, occurred_at: datetime) -> Decimal | None:
    """The amount in the reporting currency; None where its currency has no rate, which is not guessed."""
    if question.amount is None:
        return None
    try:
        amount = to_reporting_currency(question.amount, question.currency, occurred_at.date())
    except NoExchangeRateError:
        return None
    return amount.quantize(CENT)


def _hashes(question: RiskQuestion, network: tuple[str, str] | None) -> dict[str, Any]:
    """Ids of the entities. A guest is known by the e-mail alone."""
    email = "@".join(clean_email(question.email)) if question.email else ""
    values = {
        "customer": question.customer_id or (f"guest {email}" if email else ""),
        "card": question.card_fingerprint,
        "device": question.device_id.strip(),
        "address": clean_address(question.shipping_address or question.billing_address),
        "email": email,
        "ip": network[0] if network else "",
    }
    return {kind: hash_entity(question.storefront, kind, value) for kind, value in values.items() if value}


def _shown(question: RiskQuestion, network: tuple[str, str] | None) -> dict[str, str]:
    shown = {
        "card_last_digits": "".join(each for each in question.card_last_digits if each.isdigit())[-4:],
        "card_country": question.card_country.upper()[:2],
        "email_domain": clean_email(question.email)[1][:100] if question.email else "",
        "network": network[1] if network else "",
        "ip_country": question.ip_country.upper()[:2],
        "billing_country": question.billing_country.upper()[:2],
        "shipping_country": question.shipping_country.upper()[:2],
    }
    return {name: value for name, value in shown.items() if value}


def _payload(question: RiskQuestion, occurred_at: datetime) -> dict[str, Any]:
    local = timezone.localtime(occurred_at, timezone.get_default_timezone())
    categories = sorted({line.category for line in question.lines if line.category})
    country = question.shipping_country or question.billing_country or question.ip_country
    payload: dict[str, Any] = {
        "hour": local.hour,
        "country": short_hash(country.upper()[:2]) if country else 0,
        "categories": [short_hash(each) for each in categories[:16]],
        "numbers": _numbers(question, occurred_at, local),
        "lines": [_kept_line(line) for line in question.lines[: app_settings.KEPT_LINES]],
        "coupons": [str(each)[:64] for each in question.coupons][:20],
        "action": question.action[:32],
        "item_id": question.item_id[:128],
        "properties": dict(question.properties),
    }
    if question.kind in WITH_TEXT:
        payload |= {"title": question.title, "text": question.text, "rating": question.rating}
    return {name: value for name, value in payload.items() if value not in ("", [], {}, None)} | {
        name: payload[name] for name in ("hour", "country", "categories", "numbers")
    }


def _kept_line(line: RiskLine) -> dict[str, Any]:
    return {
        "item_id": line.item_id[:128], "category": line.category[:200], "quantity": line.quantity,
        "unit_price": str(line.unit_price),
    }  # fmt: skip


def _numbers(question: RiskQuestion, occurred_at: datetime, local: datetime) -> dict[str, float]:
    """What the question itself says, by the name of the feature; what it does not say is left out."""
    numbers: dict[str, float | None] = {
        "hour": float(local.hour),
        "weekday": float(local.weekday()),
        "has_coupon": float(bool(question.coupons)),
        "is_guest": float(not question.customer_id),
        "has_device": float(bool(question.device_id)),
        "has_card": float(bool(question.card_fingerprint)),
        "account_age_days": _days(question.customer_since, occurred_at),
        "failed_payments": question.failed_payments,
        "failed_logins": question.failed_logins,
        "is_new_credential": question.is_new_credential,
        "rating": question.rating,
        "is_verified_purchase": question.is_verified_purchase,
        "days_since_order": _days(question.ordered_at, occurred_at),
        "returned_share": question.returned_share,
        **_line_numbers(question.lines, question),
        **_difference_numbers(question),
    }
    if question.email:
        numbers |= email_numbers(question.email, question.customer_name)
    if address := question.shipping_address or question.billing_address:
        numbers |= address_numbers(address)
    if question.kind in WITH_TEXT:
        numbers |= text_numbers(question.title, question.text)
    given = {name: float(value) for name, value in numbers.items() if value is not None}
    return {name: value for name, value in given.items() if math.isfinite(value)}


def _line_numbers(lines: Sequence[RiskLine], question: RiskQuestion) -> dict[str, float | None]:
    numbers: dict[str, float | None] = {"discount_share": _discount_share(question)}
    if lines:
        numbers |= {
            "n_lines": len(lines),
            "quantity": sum(line.quantity for line in lines),
            "dearest_unit": float(max(line.unit_price for line in lines)),
            "n_categories": len({line.category for line in lines if line.category}),
        }
    return numbers


def _discount_share(question: RiskQuestion) -> float | None:
    if question.discount_amount is None or question.amount is None:
        return None
    whole = float(question.amount) + float(question.discount_amount)
    return float(question.discount_amount) / whole if whole > 0 else 0.0


def _difference_numbers(question: RiskQuestion) -> dict[str, float | None]:
    """Whether countries and addresses that are usually the same differ; None where one is not known."""
    billing = question.billing_country or question.shipping_country
    addresses = clean_address(question.billing_address), clean_address(question.shipping_address)
    return {
        "country_ip_differs": _differ(question.ip_country, billing),
        "country_card_differs": _differ(question.card_country, billing),
        "country_shipping_differs": _differ(question.shipping_country, question.billing_country),
        "address_differs": _differ(*addresses),
    }


def _differ(one: str, other: str) -> float | None:
    return float(one.upper() != other.upper()) if one and other else None


def _days(since: datetime | None, until: datetime) -> float | None:
    if since is None or timezone.is_naive(since):
        return None
    return max((until - since).total_seconds() / 86_400, 0.0)
