"""Intents trained through the registry and served: in Chinese, and with what phrases name."""

import pytest

from ecomai.registry.jobs import execute_job
from ecomai.registry.models import TrainingRun
from ecomai.registry.services import go_live, promote_version, request_training
from ecomai.serving import live
from support_bot.models import Intent, IntentExample
from support_bot.names import INTENT
from support_bot.services import conversations, replying
from support_bot.understanding.marks import read_marks
from support_bot.understanding.reading import understand
from support_bot.understanding.starter import STARTER, starter_examples
from support_bot.visitors import chat_visitor

pytestmark = pytest.mark.django_db

#: None of them is a starter phrase; they are dressed up by `dressed`.
HELD_OUT = {
    "track_order": "订单怎么还没到|快递现在到哪一站了|物流怎么一直不动|单号查不到物流信息",
    "cancel_order": "我不想要这单了|把刚才的订单撤销|订单可以取消吗|还没发货的话就取消吧|那个订单作废吧",
    "change_address": "地址填错了要改|收件地址想改一下|请寄到我新的地址|送货地址可以修改吗",
    "return_item": "这个东西我想退掉|怎么申请退货|退货需要什么手续|几天之内能退货|我不满意这件商品，要退",
    "exchange_item": "想换个大一码的|这个坏了能换吗|尺码不对想换货|换成另一个型号可以吗|能换一个没有破的吗",
    "refund_status": "退款怎么还没到账|我的钱退了吗|退款到哪一步了|帮我看看退款进度|退的钱没有回到账户",
    "get_invoice": "帮我开张发票|发票怎么下载|我要这单的收据|没有收到发票|需要增值税专用发票",
    "payment_problem": "付款一直失败|银行卡付不了|为什么支付不成功|重复扣款了|可以用微信支付吗",
    "delivery_options": "邮费是多少|有没有加急快递|几天能送到|买多少包邮|你们用什么快递公司",
    "find_product": "有没有适合送爸爸的礼物|想买个咖啡机|你们有蓝色的围巾吗|这两款刀有什么不同",
    "account_help": "密码忘了怎么办|账号登不上去|想注销账号|改一下我的邮箱|重置密码的链接收不到",
    "talk_to_person": "帮我转人工|我要和真人客服说|不想跟机器人聊|请找个客服给我|叫你们同事来",
    "complaint": "我要投诉你们|服务实在太差|快递员很没礼貌|简直是骗人|投诉应该找谁",
}
BEFORE, AFTER = ("", "你好，", "请问", "麻烦问一下，"), ("", "，谢谢", "？", "，急")


def dressed():
    """Return the phrases of `HELD_OUT` as people write them, with their intents."""
    return [
        (BEFORE[place % 4] + core + AFTER[place // 2 % 4], name)
        for name, cores in HELD_OUT.items()
        for place, core in enumerate(cores.split("|"))
    ]


def add_phrases(name, phrases):
    intent = Intent.objects.create(name=name, title=name)
    IntentExample.objects.bulk_create(IntentExample(intent=intent, text=text) for text in phrases)


def train():
    run = request_training(model_name=INTENT)
    execute_job(run.job_id)
    run = TrainingRun.objects.select_related("job", "version").get(pk=run.pk)
    assert run.job.state == "succeeded", run.job.traceback
    promote_version(version=run.version)
    go_live(model_name=INTENT)
    live.refresh()
    return run.version


def test_chinese_is_understood_from_sixteen_phrases_an_intent_and_answered_in_chinese(registry_folder):
    for name in STARTER:
        add_phrases(name, starter_examples(name, "zh"))
    version = train()
    found = [(understand(text), name) for text, name in dressed()]
    assert {understood.version for understood, _name in found} == {version.number}
    n_right = sum(understood.intent == name for understood, name in found)
    assert n_right / len(found) >= 0.85
    english_page = chat_visitor(language="en")
    asked = conversations.take_message(english_page, None, text="天书奇谈有什么用", key="key-0001")
    (reply, *_more) = replying.reply_to(asked)
    assert understand(reply.text).language == "zh-hans"


def test_what_phrases_name_is_found_with_values_that_no_phrase_has(registry_folder):
    cities = ["Lyon", "Porto", "Ghent", "Turin", "Graz", "Basel", "Delft", "Malaga", "Krakow", "Bergen"]
    add_phrases("change_address", [f"send my order to [{city}](city) please" for city in cities])
    add_phrases("delivery_options", [f"do you deliver to [{city}](city) at all" for city in cities])
    version = train()
    assert version.card["names"] == ["city"]
    assert [each.value for each in understand("do you deliver to Valencia at all").entities] == ["Valencia"]
    assert not understand("do you deliver at all").entities


def test_few_marked_phrases_teach_no_names(registry_folder):
    add_phrases("change_address", [f"把订单{n}寄到[里昂](city)" for n in "一二三四五六"])
    add_phrases("complaint", [f"这是第{n}次投诉" for n in "一二三四五六"])
    assert train().card["names"] == []
    assert understand("把订单寄到里昂").intent == "change_address"


@pytest.mark.parametrize("text", ["[a](B)", "[](kind)", "[a] (kind)", "plain"])
def test_what_is_no_mark_stays_as_it_is(text):
    assert read_marks(text) == (text, [])
