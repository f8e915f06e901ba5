"""Keeps personal data out of logs, training sets and transcripts: what a person is, each by its kind.

Addresses of mail, telephone and card numbers, bank accounts, postal addresses, order numbers and the names
that are known of a customer. What is found is replaced by its kind in brackets, so that a model still learns
that there was one.
"""

import re
from collections.abc import Iterable
from functools import lru_cache

import phonenumbers

from ecomai.registry.masking import mask_personal_data

from .understanding.patterns import EMAIL, ORDER

#: Country codes in whose national form a telephone number is looked for, besides the international one.
REGIONS = ("US", "GB", "DE", "FR", "CN")
MAX_LETTERS = 20_000
_DIGITS = re.compile(r"(?<![\w.])\d(?:[ -]?\d){12,18}(?![\w.])")
_IBAN = re.compile(r"\b[A-Z]{2}\d{2}(?: ?[A-Z0-9]{4}){2,7}(?: ?[A-Z0-9]{1,4})?\b")
_STREET = re.compile(
    r"\b\d{1,5}[a-z]?,? (?:[A-Z][\w'.-]+ ){1,4}(?:Street|St|Road|Rd|Avenue|Ave|Lane|Ln|Drive|Dr|Square|Court"
    r"|Way|Boulevard|Blvd)\b\.?"
    r"|\b(?:[A-ZÄÖÜ][\wäöüß-]+ ?){0,3}[\wäöüß-]*(?:straße|strasse|weg|platz|allee|gasse) \d{1,4}[a-z]?\b"
    r"|[\u4e00-\u9fff]{2,12}(?:路|街|大道|巷|弄)\d{1,5}号(?:[\u4e00-\u9fff\d]{0,12}(?:室|楼|单元|栋))?"
)
_POSTCODE = re.compile(r"\b[A-Z]{1,2}\d[A-Z\d]? ?\d[A-Z]{2}\b")
_NAME = r"[A-Z][\w'-]+(?: [A-Z][\w'-]+){0,2}"
#: What is written with a capital behind “I am” or “Hello” and is nobody's name.
_NO_NAME = (
    r"(?!(?:There|All|Team|Everyone|Everybody|Sir|Madam|Support|Sorry|Not|Still|Very|So|Happy|Waiting|Looking|"
    r"Interested|From|In|A|An|The|Your|English|German|French|Chinese|American|British|Italian|Spanish)\b)"
)
_CALLED = re.compile(
    rf"(?P<before>\b(?i:my name is|my name's|i am called|name:|signed,?|regards,?|cheers,?|sincerely,?"
    rf"|(?:best|kind|warm) wishes,?|yours,?)\s+){_NAME}"
    rf"|(?P<am>\b(?:[Ii] am|[Ii]'m|[Ii]’m|[Tt]his is)\s+){_NO_NAME}{_NAME}"
    rf"|(?P<hello>^\s*(?i:hi|hello|hey|dear)\s+){_NO_NAME}{_NAME}(?=\s*[,!.\n])"
    rf"|(?P<end>(?i:\b(?:thanks|thank you|best)),?\s*\n\s*){_NAME}(?=\s*$)"
    r"|(?P<vor>我叫|我的名字是|我是|本人|(?:姓名|名字|收件人|收货人|联系人)(?:是|[:：])?\s*)[\u4e00-\u9fff]{2,4}(?=[，,。！？\s]|$)"
    r"|(?P<xing>我姓)[\u4e00-\u9fff](?=[，,。！？\s]|$)"
)


def mask_text(text: str, *, names: Iterable[str] = ()) -> str:
    """Return the text with what is personal replaced by its kind; `names` are those known of the customer."""
    text = text[:MAX_LETTERS]
    for name in sorted({each.strip() for each in names if len(each.strip()) > 1}, key=len, reverse=True):
        text = _name_pattern(name).sub("[name]", text)
    text = _CALLED.sub(_without_name, text)
    text = EMAIL.sub("[email]", text)
    text = _IBAN.sub(lambda found: "[bank account]" if is_iban(found.group()) else found.group(), text)
    text = _DIGITS.sub(lambda found: "[card]" if is_card(found.group()) else found.group(), text)
    text = _without_phones(text)
    text = _POSTCODE.sub("[address]", _STREET.sub("[address]", text))
    text = ORDER.sub(_without_order, text)
    return mask_personal_data(text)


def is_card(number: str) -> bool:
    """Whether digits pass the check that card numbers do (Luhn, ISO/IEC 7812-1)."""
    digits = [int(each) for each in number if each.isdigit()]
    doubled = [sum(divmod(2 * digit, 10)) for digit in digits[-2::-2]]
    return 13 <= len(digits) <= 19 and (sum(digits[-1::-2]) + sum(doubled)) % 10 == 0


def is_iban(text: str) -> bool:
    """Whether letters and digits pass the check of bank accounts (ISO 13616: remainder 1 by 97)."""
    plain = text.replace(" ", "").upper()
    if not 15 <= len(plain) <= 34:
        return False
    turned = plain[4:] + plain[:4]
    return int("".join(str(int(each, 36)) for each in turned)) % 97 == 1


def _without_phones(text: str) -> str:
    for region in REGIONS:
        matches = list(phonenumbers.PhoneNumberMatcher(text, region))
        for match in reversed(matches):
            text = f"{text[: match.start]}[phone]{text[match.end :]}"
    return text


def _without_order(found: re.Match[str]) -> str:
    number = found["value"] or found["hash"] or found["long"]
    return found.group().replace(number, "[order]")


def _without_name(found: re.Match[str]) -> str:
    return next(filter(None, found.groups())) + "[name]"


@lru_cache(maxsize=1000)
def _name_pattern(name: str) -> re.Pattern[str]:
    words = re.escape(name)
    return re.compile(rf"\b{words}\b" if name.isascii() else words, re.IGNORECASE)
