"""The prompts that marketing ships, in two languages; in the admin they get new versions."""

from collections.abc import Mapping

from django.utils.translation import gettext_lazy as _

from ecomai.generation.prompts import PromptSpec, Wording

NAME = "marketing.%(about)s.%(kind)s"

_ITEM: Mapping[str, Mapping[str, str]] = {
    "description": {
        "en": "{title} by {brand}\n{title}\nCategory: {category}\n{attributes}\n{sentences}\n\n"
        "{title}\n{sentences}\n{attributes}\nMade by {brand}\n\n{sentences}\n{title} – {attributes}",
        "zh-hans": "{brand} {title}\n{title}\n分类：{category}\n{attributes}\n{sentences}\n\n"
        "{title}\n{sentences}\n{attributes}\n品牌：{brand}\n\n{sentences}\n{title}，{attributes}",
    },
    "title": {
        "en": "{title} by {brand}\n\n{title} – {category}\n\n{brand} {title}",
        "zh-hans": "{brand} {title}\n\n{title}，{category}\n\n{title}，{brand}",
    },
    "ad": {
        "en": "{title} by {brand}. {sentence}.\n\n{title}: {attributes}\n\nDiscover {title} by {brand}",
        "zh-hans": "{brand} {title}。{sentence}。\n\n{title}：{attributes}\n\n来看看{brand}的{title}",
    },
    "subject": {
        "en": "Have a look: {title}\n\n{title} by {brand}\n\nFor you: {title}",
        "zh-hans": "来看看：{title}\n\n{brand} {title}\n\n为您推荐：{title}",
    },
    "mail": {
        "en": "{title} by {brand}\n{title}\n{attributes}\n{sentences}\nHave a look in our shop\n\n"
        "{sentences}\nThat is {title} by {brand}\nHave a look in our shop",
        "zh-hans": "{brand} {title}\n{title}\n{attributes}\n{sentences}\n欢迎来店里看看\n\n"
        "{sentences}\n这就是{brand}的{title}\n欢迎来店里看看",
    },
}
_SEGMENT: Mapping[str, Mapping[str, str]] = {
    "subject": {
        "en": "{hello}: our {category}\n\n{category} by {brand}\n\nA look at {category} and {category 2}\n\n"
        "Our {category}\n\n{hello} in our shop",
        "zh-hans": "{hello}：{category}\n\n{brand}的{category}\n\n看看{category}和{category 2}\n\n"
        "本店的{category}\n\n欢迎光临本店",
    },
    "mail": {
        "en": "{hello}\nYou will find {category} here\nThere is more by {brand}\n"
        "Have a look at {category 2}, too\n{price}\n\n"
        "{hello}\n{price}\nOur {category} and {category 2} wait for you",
        "zh-hans": "{hello}\n这里有{category}\n还有{brand}的更多商品\n也来看看{category 2}\n{price}\n\n"
        "{hello}\n{price}\n{category}和{category 2}等您来看",
    },
    "ad": {
        "en": "{category} by {brand}\n\n{category} and {category 2} in our shop\n\n{category} in our shop",
        "zh-hans": "{brand}的{category}\n\n本店的{category}和{category 2}\n\n本店的{category}",
    },
}  # fmt: skip
_INSTRUCTIONS = {
    "en": "You write for an online shop: plainly, warmly, in short sentences. No text is like another.",
    "zh-hans": "你为网店撰写文字：朴实、亲切、句子简短。每段文字各不相同。",
}
#: How a segment is greeted, by where most of its customers are in their life cycle.
HELLO = {
    "prospect": {"en": "Welcome", "zh-hans": "欢迎光临"},
    "new": {"en": "Good to have you", "zh-hans": "很高兴认识您"},
    "active": {"en": "Back with you", "zh-hans": "又见面了"},
    "at_risk": {"en": "We have not seen you lately", "zh-hans": "有一阵子没见到您了"},
    "lapsed": {"en": "It has been a while", "zh-hans": "好久不见"},
}
#: What is said of prices: what the segment looks at, no promise of what something costs.
PRICE = {
    "low": {"en": "Small prices are among them", "zh-hans": "也有小额价位的商品"},
    "high": {"en": "Finer pieces are among them", "zh-hans": "也有更精致的款式"},
}

_LABELS = {
    ("item", "description"): _("Description of an item"),
    ("item", "title"): _("Title of an item"),
    ("item", "ad"): _("Advertisement of an item"),
    ("item", "subject"): _("Subject line about an item"),
    ("item", "mail"): _("Mail about an item"),
    ("segment", "subject"): _("Subject line for a segment"),
    ("segment", "mail"): _("Mail for a segment"),
    ("segment", "ad"): _("Advertisement for a segment"),
}


def prompts() -> list[PromptSpec]:
    return [
        PromptSpec(
            NAME % {"about": about, "kind": kind},
            _LABELS[about, kind],
            {language: Wording(text, _INSTRUCTIONS[language]) for language, text in wordings.items()},
        )
        for about, kinds in (("item", _ITEM), ("segment", _SEGMENT))
        for kind, wordings in kinds.items()
    ]


def kinds_for(about: str) -> list[str]:
    """Which kinds of text there are of an item, or for a segment."""
    return list(_ITEM if about == "item" else _SEGMENT)
