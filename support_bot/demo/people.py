"""The demo shop's people: who they are, what they know, when they are there, and what they often say."""

from datetime import time, timedelta
from typing import Any

from django.contrib.auth import get_user_model
from django.contrib.auth.models import Permission
from django.utils import timezone

from ..models import AgentProfile, CannedAnswer, ClosedDay, OfficeHours, Tag

#: Login -> first name by language, languages, skills, chats at once.
AGENTS = {
    "demo-grace": ({"en": "Grace", "zh-hans": "小雅"}, "en zh", ("delivery", "returns"), 4),
    "demo-tom": ({"en": "Tom", "zh-hans": "子涵"}, "en zh", ("payment", "complaint"), 3),
    "demo-lin": ({"en": "Lin", "zh-hans": "琳"}, "zh en", ("product", "account"), 5),
}
#: Tag -> name by language, intents that get it.
TAGS = {
    "delivery": (
        {"en": "delivery", "zh-hans": "配送"},
        ("track_order", "delivery_options", "change_address"),
    ),
    "returns": ({"en": "returns", "zh-hans": "退换"}, ("return_item", "exchange_item", "refund_status")),
    "payment": ({"en": "payment", "zh-hans": "支付"}, ("payment_problem", "get_invoice")),
    "complaint": ({"en": "complaint", "zh-hans": "投诉"}, ("complaint",)),
    "product": ({"en": "product", "zh-hans": "商品"}, ("find_product",)),
    "account": ({"en": "account", "zh-hans": "账户"}, ("account_help",)),
}
#: Shortcut -> (title, text) by language.
CANNED = {
    "hello": {
        "en": ("Greeting", "Hello {name}, this is {agent}. I have read what you wrote."),
        "zh-hans": ("问候", "{name}您好，我是{agent}。您写的内容我已经看过，正在为您查询。"),
    },
    "order": {
        "en": ("Looking at the order", "I have order {order} in front of me. One moment, please."),
        "zh-hans": ("查询订单", "我正在查看订单 {order}，请稍等。"),
    },
    "late": {
        "en": ("Late parcel", "I am sorry that order {order} is late. I have asked the carrier where it "
               "is, and will write to you here as soon as I know more."),
        "zh-hans": ("包裹延误", "很抱歉订单 {order} 晚到了。我已向快递公司查询，一有消息就在这里告诉您。"),
    },
    "return": {
        "en": ("Return label", "You can send it back within 30 days. The label is in your account under "
               "order {order}; the refund is made as soon as the parcel is here."),
        "zh-hans": ("退货标签", "收到商品后 30 天内可以退货。退货标签在您账户的订单 {order} 里，"
                    "我们收到包裹后立即退款。"),
    },
    "sorry": {
        "en": ("Apology", "I am sorry about that, {name}. I will sort it out."),
        "zh-hans": ("致歉", "{name}，非常抱歉，这不是应有的服务，我来为您处理。"),
    },
    "bye": {
        "en": ("Goodbye", "Glad that I could help. Write again whenever you like!"),
        "zh-hans": ("结束语", "很高兴能帮到您，有需要随时再联系我们！"),
    },
}  # fmt: skip
HOLIDAY = {"en": "Stocktaking", "zh-hans": "盘点"}


def seed_people(language: str) -> dict[str, Any]:
    """Make agents, tags, canned answers and office hours, and return the agents by skill."""
    tags = {name: _tag(name, language) for name in TAGS}
    agents = {login: _agent(login, language, tags) for login in AGENTS}
    _can_answers()
    _open_office(language)
    return {skill: agents[login] for login, (_n, _l, skills, _c) in AGENTS.items() for skill in skills}


def _tag(name: str, language: str) -> Tag:
    titles, intents = TAGS[name]
    tag, _is_new = Tag.objects.get_or_create(name=titles[language], defaults={"intents": list(intents)})
    return tag


def _agent(login: str, language: str, tags: dict[str, Tag]) -> Any:
    """A colleague who may answer; nobody can log in as one, as there is no password."""
    names, languages, skills, capacity = AGENTS[login]
    user, is_new = get_user_model().objects.get_or_create(
        username=login, defaults={"first_name": names[language], "is_staff": True}
    )
    if is_new:
        user.set_unusable_password()
        user.save(update_fields=["password"])
        may = Permission.objects.filter(content_type__app_label="ecomai_support_bot")
        user.user_permissions.set(may.filter(codename__in=("view_conversation", "answer_conversation")))
    profile, is_new = AgentProfile.objects.get_or_create(
        user=user, defaults={"languages": languages, "capacity": capacity}
    )
    if is_new:
        profile.skills.set([tags[skill] for skill in skills])
    return user


def _can_answers() -> None:
    for shortcut, said in CANNED.items():
        for language, (title, text) in said.items():
            CannedAnswer.objects.get_or_create(
                shortcut=shortcut, language=language, defaults={"title": title, "text": text}
            )


def _open_office(language: str) -> None:
    if OfficeHours.objects.exists():
        return
    OfficeHours.objects.bulk_create(
        OfficeHours(weekday=weekday, opens=time(8), closes=time(20) if weekday < 5 else time(16))
        for weekday in range(6)
    )
    next_month = timezone.localdate() + timedelta(days=30)
    ClosedDay.objects.get_or_create(day=next_month, defaults={"name": HOLIDAY[language]})
