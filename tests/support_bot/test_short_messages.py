"""A word or two before anything was trained: what customers type on a telephone, in Chinese and in English.

None of these is a phrase that is shipped. `LATER` was written after the words were chosen: only measured.
"""

import pytest

from support_bot.dialogue import people, small_talk
from support_bot.dialogue.flows import LEAST_LIKENESS
from support_bot.understanding.keywords import find_wanted
from support_bot.understanding.reading import understand
from support_bot.understanding.starter import STARTER

pytestmark = pytest.mark.django_db

#: What is meant; several where either is a good answer.
CHINESE = """
return_item: 退货 | 怎么退货 | 我要退掉它 | 能退吗 | 退货流程 | 想退货可以吗 | 七天无理由退货 | 收到的碗碎了
refund_status: 退款 | 我要退款 | 退款多久到 | 钱什么时候退 | 退款到账了吗 | 还没退款 | 钱退了吗
track_order: 订单到哪了 | 什么时候发货 | 快递到哪了 | 查物流 | 怎么还没到 | 发货了没 | 还没收到货
track_order: 我的快递呢 | 催发货 | 查订单 | 单号多少 | 啥时候到
cancel_order: 取消订单 | 不想要了 | 能取消吗 | 别发货了 | 拍错了 | 帮我撤单
exchange_item: 换货 | 能换个颜色吗 | 换大一码 | 尺码不对 | 可以换吗
change_address: 改地址 | 地址写错了 | 换个收货地址 | 怎么改电话 | 寄到公司行吗
get_invoice: 发票 | 能开发票吗 | 开票 | 发票抬头错了
payment_problem: 付不了款 | 支付失败 | 扣了两次钱 | 信用卡被拒
delivery_options: 运费多少 | 邮费多少钱 | 发什么快递 | 几天能到 | 能寄国外吗 | 可以自提吗
find_product: 有没有货 | 有货吗 | 还有现货吗 | 推荐一下 | 这个多少钱
account_help: 忘记密码 | 登录不上 | 怎么注册 | 账号被锁
complaint: 投诉 | 客服态度差 | 我要举报你们
talk_to_person: 人工客服 | 人工 | 转人工 | 客服 | 有人吗 | 找客服
small_talk: 谢谢 | 你好 | 再见 | 谢谢啊 | 您好
return_item: 退 货 | 想把鞋子退了 | 收到坏的怎么办 | 不合适能退不
refund_status: 退我钱 | 退款进度 | 款怎么还没退
track_order: 到哪儿了 | 货呢 | 物流不动了 | 今天能发货吗 | 包裹丢了 | 什么时候能收到
cancel_order: 我不要了 | 订单取消 | 买重复了
exchange_item: 想换小一号 | 换一个新的
change_address: 地址要改 | 收件人写错
get_invoice: 电子发票 | 开个收据
payment_problem: 钱扣了订单没成功 | 支付宝付不了
delivery_options: 满多少包邮 | 今天下单几天到 | 支持顺丰吗
find_product: 有黑色的吗 | 缺货了吗 | 什么时候补货
account_help: 密码错误 | 注销账号
complaint: 要给差评
talk_to_person: 叫个人来 | 真人在吗
small_talk: 好的谢谢 | 早上好
"""
ENGLISH = """
return_item: return? | how to return | return pls | send it back
refund_status: refund? | refund pls | money back | where's my refund | refunded yet?
track_order: where my stuff | wheres my order | tracking? | order status | not arrived | shipped yet?
track_order: where is it, my parcel
cancel_order: cancel | cancel pls | cancel it | dont send it pls, cancel
exchange_item: exchange? | swap size | need a bigger size
change_address: wrong address | change address
get_invoice: invoice | invoice pls | receipt?
payment_problem: card declined | payment failed | cant pay, card error
delivery_options: shipping cost? | free shipping? | deliver to france?
find_product: in stock? | gift ideas
account_help: forgot password | can't log in
complaint: complaint | this is a scam
talk_to_person: human pls | agent | real person | customer service please | a human please
small_talk: thx | hi | bye | thanks!
"""
LATER = """
return_item: 退换货 | 买大了想退 | 衣服破了 | 不喜欢可以退吗 | 寄回地址
refund_status: 退款没收到 | 什么时候退钱 | 退款申请了没动静
track_order: 还不发货 | 到货了没有 | 物流信息没更新 | 快递员没来 | 几号能送到 | 订单状态
cancel_order: 撤销订单 | 别寄了 | 买多了
exchange_item: 换大号 | 想换黑色
change_address: 修改收货人 | 电话写错了
get_invoice: 补开发票 | 要收据
payment_problem: 付款不成功 | 微信付不了钱
delivery_options: 邮费谁出 | 发顺丰吗 | 送到新疆吗 | 多久能送到
find_product: 库存还有多少 | 有没有小号 | 有蓝色的吗
account_help: 改密码 | 登陆失败
complaint: 太垃圾了
talk_to_person: 帮我转客服 | 我要真人
small_talk: 多谢 | 晚上好
"""


def read(table):
    rows = [line.split(": ", 1) for line in table.strip().splitlines()]
    return [(intent, text.strip()) for intent, texts in rows for text in texts.split("|")]


def meant(text):
    """Return what a message is taken for, by whoever is asked first; '' where it is not understood."""
    if people._WISHES.search(text):
        return "talk_to_person"
    if any(
        pattern.match(text) for pattern in (small_talk._GREETING, small_talk._THANKS, small_talk._FAREWELL)
    ):
        return "small_talk"
    understood = understand(text)
    is_sure = not understood.is_out_of_scope and understood.confidence >= LEAST_LIKENESS
    return understood.intent if is_sure else ""


def share_right(table):
    cases = read(table)
    wrong = [(intent, text, meant(text)) for intent, text in cases if meant(text) != intent]
    return 1 - len(wrong) / len(cases), wrong


@pytest.mark.parametrize(
    ("table", "least", "n_least"),
    [(CHINESE, 0.95, 110), (ENGLISH, 0.95, 45), (LATER, 0.85, 35)],
    ids=["chinese", "english", "later"],
)
def test_short_messages_are_understood_before_a_training(table, least, n_least):
    assert len(read(table)) >= n_least
    right, wrong = share_right(table)
    assert right >= least, wrong


def test_none_of_them_is_shipped():
    shipped = {line for of in STARTER.values() for phrases in of.values() for line in phrases.splitlines()}
    assert not shipped & {text for table in (CHINESE, ENGLISH, LATER) for _intent, text in read(table)}


@pytest.mark.parametrize(
    "text",
    [
        "今天天气真好", "你喜欢音乐吗", "what's the weather", "tell me a joke", "ok", "好的", "嗯",
        "my neighbour's dog barks", "下雨了", "写一首诗", "1+1等于几",
    ],
)  # fmt: skip
def test_what_has_nothing_to_do_with_the_shop_stays_unknown(text):
    assert meant(text) == ""


def test_a_long_message_is_not_taken_at_a_word():
    assert find_wanted("I bought a lamp for my mother and the invoice said it would be red") == ""
    assert find_wanted("我上周给妈妈买的那盏台灯她非常喜欢，下次想再来你们店里看看有什么新的发票本") == ""
