"""What a text says about who wrote it, as numbers: the text of an address or an e-mail itself is not kept."""

import re

from .hashing import clean_email

_LINK = re.compile(r"https?://|www\.|\b[a-z0-9-]+\.(?:com|net|org|ru|cn|shop|info|biz)\b", re.I)
_CONTACT = re.compile(r"[\w.+-]+@[\w-]+\.\w+|\+?\d[\d\s().-]{7,}\d|whats\s?app|telegram|wechat|微信", re.I)
_BOX = re.compile(r"\b(?:p\.?\s?o\.?\s?box|postfach|packstation|boîte postale)\b", re.I)


def text_numbers(title: str, text: str) -> dict[str, float]:
    """Numbers of a review or a listing."""
    whole = f"{title}\n{text}".strip()
    letters = [each for each in whole if each.isalpha()]
    words = re.findall(r"\w+", whole.lower())
    return {
        "text_length": float(len(whole)),
        "text_capitals": _share(sum(each.isupper() for each in letters), len(letters)),
        "text_exclamations": float(whole.count("!") + whole.count("！")),
        "text_links": float(len(_LINK.findall(whole))),
        "text_contacts": float(len(_CONTACT.findall(whole))),
        "text_repeats": 1 - _share(len(set(words)), len(words)) if words else 0.0,
    }


def email_numbers(email: str, name: str) -> dict[str, float]:
    local, _domain = clean_email(email)
    numbers = {
        "email_digits": _share(sum(each.isdigit() for each in local), len(local)),
        "email_length": float(len(local)),
        "email_has_tag": float("+" in email),
    }
    parts = [part for part in re.findall(r"\w+", name.lower()) if len(part) >= 3]
    if parts:
        numbers["email_name_differs"] = float(not any(part in local for part in parts))
    return numbers


def address_numbers(address: str) -> dict[str, float]:
    return {
        "address_digits": _share(sum(each.isdigit() for each in address), len(address)),
        "address_is_box": float(bool(_BOX.search(address))),
    }


def _share(part: int, whole: int) -> float:
    return part / whole if whole else 0.0
