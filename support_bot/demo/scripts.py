"""What was said in the demo's conversations, in English and Chinese."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ..models import Conversation, Message

Reason = Conversation.HandoffReason
CUSTOMER, BOT, AGENT = Message.Sender.CUSTOMER, Message.Sender.BOT, Message.Sender.AGENT


@dataclass(frozen=True)
class Line:
    """One thing said, so many seconds after the one before."""

    sender: str
    text: Mapping[str, str]
    after_seconds: int
    answered_by: str = ""


@dataclass(frozen=True, kw_only=True)
class Script:
    """A conversation. `is_reworded` begins it in other words each time; `skill` is who takes it over."""

    intent: str
    lines: Sequence[Line]
    handoff: str = ""
    skill: str = ""
    mood: float = 0.0
    ratings: Sequence[int] = ()
    has_helped: bool | None = None
    is_reworded: bool = True

    @property
    def has_person(self) -> bool:
        return any(line.sender == AGENT for line in self.lines)


def customer(en: str, zh: str, after: int = 40) -> Line:
    return Line(CUSTOMER, {"en": en, "zh-hans": zh}, after)


def bot(en: str, zh: str, by: str = "knowledge") -> Line:
    return Line(BOT, {"en": en, "zh-hans": zh}, 1, by)


def agent(en: str, zh: str, after: int = 150) -> Line:
    return Line(AGENT, {"en": en, "zh-hans": zh}, after)


HANDS_OVER = bot(
    "I'll hand you over to a person. They see what we have written, so you need not repeat it.",
    "我帮您转接人工客服。客服能看到我们的对话，您不用再重复一遍。", "handoff",
)  # fmt: skip
THANKS = customer("Great, thank you!", "太好了，谢谢！")

SCRIPTS: Sequence[Script] = (
    Script(
        intent="track_order", ratings=(5, 5, 4), has_helped=True, mood=0.1,
        lines=(
            customer("Where is my order?", "我的订单到哪里了？"),
            bot("Order {order} left our warehouse and is with the carrier.",
                "订单 {order} 已经出库，正在配送途中。", "actions"),
            THANKS,
        ),
    ),
    Script(
        intent="return_item", ratings=(5, 4),
        lines=(
            customer("I want to send something back", "我想退货"),
            bot("You can return it within 30 days of delivery; the label is in your account.",
                "收到后 30 天内可以退货，退货标签在您的账户里。"),
            customer("And who pays for the parcel?", "运费谁出？"),
            bot("Returns within the country are free of charge.", "国内退货免运费。"),
        ),
    ),
    Script(
        intent="complaint", handoff=Reason.UNHAPPY, skill="complaint", mood=-0.7, ratings=(2, 3, 4),
        lines=(
            customer("The cup arrived broken, this is terrible!", "杯子收到就是碎的，太差了！"),
            bot("I'm sorry about that. I'll ask a person to look after this.",
                "非常抱歉，我请人工客服来处理。", "handoff"),
            agent("I am sorry. A new one leaves our warehouse today, at no cost.",
                  "非常抱歉，我们今天就免费补发一个。", 240),
            customer("Thanks, that was quick in the end.", "谢谢，处理得挺快。"),
        ),
    ),
    Script(
        intent="delivery_options", has_helped=True, ratings=(5, 4),
        lines=(
            customer("How long does delivery take?", "多久能送到？"),
            bot("Standard delivery takes two to four working days, express one.",
                "普通配送 2 到 4 个工作日，加急 1 个工作日。"),
        ),
    ),
    Script(
        intent="payment_problem", handoff=Reason.NOT_UNDERSTOOD, skill="payment", mood=-0.3, ratings=(3, 4),
        lines=(
            customer("My card was charged twice", "我的卡被扣了两次款"),
            bot("I'm not sure that I understood. Could you say it in other words?",
                "我不太确定是否理解了，可以换个说法吗？", "fallback"),
            customer("You took the money two times for {order}", "订单 {order} 你们扣了两次钱"),
            HANDS_OVER,
            agent("I see both. One is only reserved and falls away within three days.",
                  "我看到了两笔，其中一笔只是预授权，三天内会自动释放。", 420),
            THANKS,
        ),
    ),
    Script(
        intent="find_product", ratings=(5, 4, 4),
        lines=(
            customer("I need a gift for my mother", "想给妈妈买个礼物"),
            bot("How much would you like to spend, and what does she like?", "您的预算是多少？她喜欢什么？",
                "shopping"),
            customer("Under 50, she likes tea", "50 以内，她喜欢喝茶"),
            bot("Here are three that fit.", "这三款比较合适。", "shopping"),
        ),
    ),
    Script(
        intent="cancel_order", has_helped=True, ratings=(4, 5),
        lines=(
            customer("Please cancel my order", "请取消我的订单"),
            bot("Shall I cancel order {order}? It has not been shipped.",
                "要取消订单 {order} 吗？它还没有发货。", "actions"),
            customer("Yes", "是的", 12),
            bot("Order {order} is cancelled. The refund takes up to five days.",
                "订单 {order} 已取消，退款最多五天到账。", "actions"),
        ),
    ),
    Script(
        intent="refund_status", has_helped=False, mood=-0.4, ratings=(2, 1),
        lines=(
            customer("Where is my refund?", "我的退款呢？"),
            bot("Refunds are made within five working days after the parcel came back.",
                "我们收到退回的包裹后五个工作日内退款。"),
            customer("That was two weeks ago, this does not help", "都两个星期了，这没有用"),
        ),
    ),
    Script(
        intent="talk_to_person", handoff=Reason.ASKED, skill="account", ratings=(5, 4), has_helped=True,
        lines=(
            customer("Can I talk to a person?", "我要找人工客服"),
            HANDS_OVER,
            agent("Hello, here I am. What can I do for you?", "您好，我在，请问有什么可以帮您？", 90),
            customer("I'd like to change the name on my account", "我想改一下账户上的名字"),
            agent("Done. You see it when you log in again.", "改好了，重新登录就能看到。", 60),
            THANKS,
        ),
    ),
    Script(
        intent="get_invoice", ratings=(5,),
        lines=(
            customer("I need an invoice", "我需要发票"),
            bot("The invoice of order {order} is in your account under “Orders”.",
                "订单 {order} 的发票在您账户的“订单”里。"),
            THANKS,
        ),
    ),
    Script(
        intent="account_help", ratings=(4,),
        lines=(
            customer("I can't log in", "我登录不了"),
            bot("With “Forgot your password?” you get a mail with a link within a minute.",
                "点击“忘记密码”，一分钟内会收到带链接的邮件。"),
        ),
    ),
    Script(
        intent="exchange_item", handoff=Reason.LOOP, skill="returns", mood=-0.2, ratings=(4, 3),
        lines=(
            customer("Can I have it one size larger?", "可以换大一号吗？"),
            bot("Items can be exchanged within 30 days.", "30 天内可以换货。"),
            customer("But how do I get the larger one?", "可是怎么换大一号的？"),
            HANDS_OVER,
            agent("I have put the larger one aside; send yours back with the label I attach.",
                  "大一号的已为您预留，请用我发的标签寄回原来的。", 300),
        ),
    ),
)  # fmt: skip

WAITING = Script(
    intent="track_order", handoff=Reason.UNHAPPY, mood=-0.6, is_reworded=False,
    lines=(
        customer("My order {order} should have been here on Monday. Where is it?",
                 "我的订单 {order} 周一就该到了，到底在哪里？", 0),
        bot("Order {order} is with the carrier.", "订单 {order} 正在配送途中。", "actions"),
        customer("It has been “with the carrier” for a week. Unacceptable, it was a birthday present!",
                 "一个星期都是“配送中”，太糟糕了，这是生日礼物！", 90),
        bot("I'm sorry about that. I'll ask a person to look after this.",
            "非常抱歉，我请人工客服来处理。", "handoff"),
    ),
)  # fmt: skip
