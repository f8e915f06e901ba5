"""What customers of the demo shop write: a year of texts, and a surge about delivery at its end."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import numpy as np
from django.utils import timezone
from django.utils.translation import get_language

from ecomai.commerce.models import Customer, Item

from ..models import Feedback
from ..services.alarms import look_for_alarms
from ..services.voice import take_feedback

N_REVIEWS, N_CHATS, N_DAYS = 420, 60, 360
SURGE_DAYS, N_SURGE = 10, 32
SEED = 7
NEGATIVE_SHARE = 0.2

#: Aspect -> sentences that praise, and sentences that complain.
ENGLISH = {
    "quality": (
        ("The quality is better than I expected.", "Very well made, every seam is straight.",
         "The material feels sturdy and durable."),
        ("The quality is poor for what it is.", "It broke after a week.",
         "The material is flimsy and one seam tore at once."),
    ),
    "price": (
        ("Great value for money.", "A fair price.", "Worth every cent."),
        ("Far too expensive for what you get.", "Not worth the money.", "The price went up twice."),
    ),
    "delivery": (
        ("Delivery was quick.", "The parcel arrived on time.", "Shipping took two days, wonderful."),
        ("The parcel came late.", "Delivery took forever and nobody told me.",
         "The courier left it in the rain.", "I waited two weeks for the shipment.",
         "The tracking never moved."),
    ),
    "service": (
        ("The service was friendly.", "Support answered within an hour."),
        ("Customer service never replied.", "The refund took a month.", "The staff were rude on the phone."),
    ),
    "description": (
        ("Looks just like in the pictures.", "Exactly as described."),
        ("It is not as described.", "The photo shows something else.", "They sent the wrong item."),
    ),
    "comfort": (
        ("So comfortable and easy to use.", "Lightweight and soft."),
        ("It smells of plastic.", "The instructions are no help at all.", "Too heavy and noisy."),
    ),
}  # fmt: skip
CHINESE = {
    "quality": (
        ("质量比想象的好。", "做工很细，线条整齐。", "材质摸起来很结实。"),
        ("质量很差。", "用了一个星期就坏了。", "做工粗糙，到处是线头。"),
    ),
    "price": (
        ("性价比很高。", "价格合理。", "很划算。"),
        ("太贵了，不值这个价钱。", "刚买完就降价。", "性价比太低。"),
    ),
    "delivery": (
        ("物流很快。", "包裹准时送到。", "第二天就到货了，太好了。"),
        ("快递太慢了。", "等了两个星期才到货。", "物流信息一直不更新。", "包裹被扔在门口淋雨。",
         "发货一拖再拖，没人通知我。"),
    ),
    "service": (
        ("客服态度很好。", "售后很快就回复了。"),
        ("客服一直不回复。", "退款拖了一个月。", "客服态度恶劣。"),
    ),
    "description": (
        ("和图片一样。", "与描述完全相符。"),
        ("和描述不符。", "实物和照片差太多。", "发错了货。"),
    ),
    "comfort": (
        ("很舒服，也很好用。", "轻便柔软。"),
        ("有一股塑料气味。", "说明书看不懂。", "太重了，噪音也大。"),
    ),
}  # fmt: skip
OPENINGS = {
    "en": (("I love it.", "Very happy with it.", "Bought it for my sister.", "My second one already.", ""),
           ("Disappointed.", "Never again.", "I had hoped for more.", "Such a pity.", "")),
    "zh": (("很喜欢。", "非常满意。", "给家人买的。", "已经是第二次买了。", ""),
           ("很失望。", "再也不买了。", "没有想象中好。", "太可惜了。", "")),
}  # fmt: skip
CHATS = {
    "en": ("Hello, a question about my order.", "Hi there.", "Good morning."),
    "zh": ("你好，想问一下我的订单。", "在吗？", "早上好。"),
}


def seed_voice(*, now: datetime | None = None) -> None:
    """Write a year of texts and look for alarms. Safe to run twice: each text has its id."""
    if Feedback.objects.filter(external_id__startswith="demo-").exists():
        return
    items = list(
        Item.objects.filter(is_active=True).order_by("pk").values_list("external_id", flat=True)[:200]
    )
    customers = list(Customer.objects.order_by("pk").values_list("external_id", flat=True)[:1500])
    language = "zh" if (get_language() or "").startswith("zh") else "en"
    rows = write_texts(language=language, items=items, customers=customers, now=now or timezone.now())
    take_feedback(rows, source="demo")
    look_for_alarms(now=now)


def write_texts(
    *, language: str, items: Sequence[str], customers: Sequence[str], now: datetime
) -> list[dict[str, Any]]:
    """Return a year of reviews and chats; the same arguments give the same texts."""
    rng = np.random.default_rng(SEED)
    rows = []
    for number in range(N_REVIEWS + N_CHATS):
        is_chat, is_negative = number >= N_REVIEWS, rng.random() < NEGATIVE_SHARE
        aspects = rng.choice(list(ENGLISH), size=int(rng.integers(1, 4)), replace=False).tolist()
        age = timedelta(days=float(rng.uniform(0.2, N_DAYS)))
        rows.append(_row(number, language, aspects, is_negative, is_chat, now - age, rng))
    for number in range(N_SURGE):
        age = timedelta(days=float(rng.uniform(0.5, SURGE_DAYS)))
        first = N_REVIEWS + N_CHATS + number
        rows.append(_row(first, language, ["delivery"], True, number % 4 == 3, now - age, rng))
    for row in rows:
        if items and row["source"] == Feedback.Source.REVIEW:
            row["item_id"] = str(rng.choice(items))
        if customers and rng.random() < 0.8:
            row["customer_id"] = str(rng.choice(customers))
    return rows


def _row(
    number: int, language: str, aspects: Sequence[str], is_negative: bool, is_chat: bool,
    written_at: datetime, rng: np.random.Generator,
) -> dict[str, Any]:  # fmt: skip
    words, mood = (CHINESE if language == "zh" else ENGLISH), int(is_negative)
    opening = rng.choice(CHATS[language] if is_chat else OPENINGS[language][mood])
    said = [str(rng.choice(words[aspect][mood])) for aspect in aspects]
    row = {
        "external_id": f"demo-{number}", "language": language, "written_at": written_at,
        "text": ("" if language == "zh" else " ").join(part for part in (str(opening), *said) if part),
        "source": Feedback.Source.CHAT if is_chat else Feedback.Source.REVIEW,
    }  # fmt: skip
    # Not everybody who chats gives stars; the moods of stars and words agree.
    if not is_chat:
        row["rating"] = int(rng.choice([1, 2] if is_negative else [4, 5]))
    return row
