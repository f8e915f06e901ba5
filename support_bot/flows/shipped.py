"""Flows that a shop begins with; each is changed in the admin."""

from collections.abc import Mapping
from typing import Any

_WHICH_ORDER = {
    "do": "ask", "slot": "order", "kind": "order",
    "question": {
        "en": "Which order is it? Please choose it or write its number.",
        "zh-hans": "请问是哪个订单？请选择，或写下订单号。",
    },
}  # fmt: skip
_WHY_RETURN = {
    "do": "ask", "slot": "reason", "kind": "reason",
    "question": {"en": "What is the reason?", "zh-hans": "请问是什么原因？"},
    "options": [
        {"value": "damaged", "label": {"en": "It is damaged", "zh-hans": "商品有损坏"}},
        {"value": "wrong_item", "label": {"en": "Wrong item", "zh-hans": "发错了商品"}},
        {"value": "does_not_fit", "label": {"en": "It does not fit", "zh-hans": "不合适"}},
        {"value": "not_wanted", "label": {"en": "I do not want it any more", "zh-hans": "不想要了"}},
    ],
}  # fmt: skip
_WHICH_ITEM = {
    "do": "ask", "slot": "item", "kind": "item",
    "question": {
        "en": "What of order {order} shall come back?",
        "zh-hans": "订单 {order} 中的哪件商品要退回？",
    },
}  # fmt: skip

#: name -> title, definition
SHIPPED: Mapping[str, tuple[str, Mapping[str, Any]]] = {
    "track_order": ("Where is my order", {
        "intents": ["track_order"],
        "steps": [_WHICH_ORDER, {"do": "call", "tool": "track_order", "arguments": {"order": "order"}}],
    }),
    "cancel_order": ("Cancel an order", {
        "intents": ["cancel_order"],
        "steps": [
            _WHICH_ORDER,
            {
                "do": "say", "when": 'order_status == "on_hold"',
                "text": {
                    "en": "We are still checking this order.",
                    "zh-hans": "这个订单我们还在审核。",
                },
            },
            {"do": "call", "tool": "cancel_order", "arguments": {"order": "order"}},
        ],
    }),
    "return_item": ("Return something", {
        "intents": ["return_item"],
        "steps": [
            _WHICH_ORDER, _WHICH_ITEM, _WHY_RETURN,
            {
                "do": "call", "tool": "start_return",
                "arguments": {"order": "order", "item": "item", "reason": "reason"},
            },
        ],
    }),
    "exchange_item": ("Exchange something", {
        "intents": ["exchange_item"],
        "steps": [
            _WHICH_ORDER, _WHICH_ITEM,
            {
                "do": "ask", "slot": "wanted", "kind": "text",
                "question": {
                    "en": "What would you like instead, such as another size or colour?",
                    "zh-hans": "您想换成什么？比如其他尺码或颜色。",
                },
            },
            {
                "do": "call", "tool": "start_exchange",
                "arguments": {"order": "order", "item": "item", "wanted": "wanted"},
            },
        ],
    }),
    "change_address": ("Change the address", {
        "intents": ["change_address"],
        "steps": [
            _WHICH_ORDER,
            {
                "do": "ask", "slot": "street", "kind": "text",
                "question": {
                    "en": "What are the new street and house number?",
                    "zh-hans": "新的街道和门牌号是什么？",
                },
            },
            {
                "do": "ask", "slot": "zip", "kind": "text",
                "question": {"en": "And the postcode?", "zh-hans": "邮政编码是多少？"},
            },
            {
                "do": "ask", "slot": "city", "kind": "text",
                "question": {"en": "And the city?", "zh-hans": "是哪个城市？"},
            },
            {
                "do": "call", "tool": "change_address",
                "arguments": {"order": "order", "street": "street", "zip": "zip", "city": "city"},
            },
        ],
    }),
    "refund_status": ("Where is my refund", {
        "intents": ["refund_status"],
        "steps": [_WHICH_ORDER, {"do": "call", "tool": "refund_status", "arguments": {"order": "order"}}],
    }),
}  # fmt: skip
