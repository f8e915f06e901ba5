"""Intents that a shop begins with, each with phrases in English and Chinese."""

from collections.abc import Mapping

STARTER: Mapping[str, Mapping[str, str]] = {
    "track_order": {
        "en": """where is my order
where's my parcel now
has my package been shipped yet
my delivery is late, where is it
can you track order 58213 for me
when will my things arrive
show me the tracking number
is my order on its way
I'm still waiting for my package
the courier hasn't come yet
what is the status of my purchase
how far is my parcel
did you send my order already
tracking says nothing new since Monday
when do I get what I bought
my shipment has not turned up""",
        "zh": """我的订单到哪里了
我的包裹现在在哪
快递发货了吗
怎么还没收到货
帮我查一下订单物流
东西什么时候能到
给我看一下快递单号
我的订单在路上了吗
我还在等我的包裹
快递员还没有来
我买的东西现在是什么状态
物流信息几天没更新了
你们已经发货了吗
查询一下我的快递
货到哪儿了
包裹一直没有送到""",
    },
    "cancel_order": {
        "en": """cancel my order
I don't want the order any more
please stop order 99120 before it ships
I ordered by mistake, undo it
can I still cancel my purchase
call off my order
I changed my mind, cancel everything
don't send it, I no longer need it
how do I withdraw my order
I bought it twice, cancel one of them
please annul my purchase
can the order be stopped
I want to cancel what I just bought
drop my order from today
it is the wrong item, cancel it please
is it too late to cancel""",
        "zh": """取消我的订单
这个订单我不要了
发货之前请帮我取消
我下错单了，请撤销
现在还能取消购买吗
帮我把订单取消掉
我改主意了，全部取消
别发货了，我不需要了
怎么撤回我的订单
我买重了，取消其中一个
请作废这笔订单
订单能停下来吗
我想取消刚买的东西
今天下的单不要了
买错东西了，请取消
现在取消来得及吗""",
    },
    "change_address": {
        "en": """change my delivery address
I moved, send it to my new home
the address on my order is wrong
can you ship it to my office instead
I typed the wrong street
update the shipping address please
deliver to another address
the house number is missing
I need a different postcode on the order
send the parcel to my neighbour
how do I correct where it goes
please use my new address
my zip code changed
ship my order to another city
I gave you my old address
set another place for delivery""",
        "zh": """修改我的收货地址
我搬家了，请寄到新家
订单上的地址写错了
可以改寄到公司吗
我把街道写错了
请更新一下送货地址
送到另外一个地址
门牌号漏写了
我要改一下邮编
把包裹送给我邻居
怎么改收件地址
请用我的新地址
收货地址需要更换
把货寄到别的城市
我填的是旧地址
换一个收货的地方""",
    },
    "return_item": {
        "en": """I want to return this
how do I send it back
it doesn't fit, I want to give it back
start a return please
can I return an opened box
the lamp arrived broken, take it back
where do I get a return label
I'd like to return two items
what are your return rules
how long can I send things back
it's not what I expected, I'm returning it
return my purchase
who pays the postage for a return
the colour is wrong, I'm sending it back
open a return for my order
I need to bring something back""",
        "zh": """我要退货
怎么把东西退回去
不合身，我想退掉
请帮我申请退货
拆开了还能退吗
灯送到就坏了，请收回
退货单在哪里拿
我想退两件商品
你们的退货规定是什么
多长时间之内可以退货
跟我想的不一样，我要退
把我买的东西退了
退货运费谁出
颜色不对，我要退回
给我的订单开退货
有件商品想退还给你们""",
    },
    "exchange_item": {
        "en": """I want another size
can I swap it for the blue one
exchange my shoes for a bigger pair
change it for a different colour
please replace the broken mug
can I get a new one instead of this
I'd like to exchange my order
it's too small, send me a larger one
swap this item for another
may I trade it for a different model
I need a replacement
how does an exchange work
send me the right one in return for this
switch the shirt to size M
I got the wrong one, swap it
replace it with the same in black""",
        "zh": """我想换一个尺码
能换成蓝色的吗
鞋子换大一号
换一个别的颜色
杯子碎了请换一个
能不能给我换个新的
我要换货
太小了，换一件大的
把这个换成另外一个
可以换别的型号吗
我需要更换商品
换货怎么办理
请给我换成对的那一款
衬衫换成中码
发错了，帮我换
换一个同款黑色的""",
    },
    "refund_status": {
        "en": """where is my refund
when do I get my money back
I haven't received the refund yet
how long does a refund take
did you pay me back already
the money is not on my card
I want my money back
check my refund please
you owe me a refund of $40
is my reimbursement on its way
refund me
my return arrived, where's the money
has the refund been approved
how will I be paid back
still no refund after two weeks
I was promised my money back""",
        "zh": """我的退款在哪里
钱什么时候退给我
我还没有收到退款
退款要多久
你们已经退钱了吗
钱没有回到我的卡上
我要退钱
帮我查一下退款
你们还欠我四十块退款
退款在处理了吗
请给我退款
货退了，钱呢
退款批准了没有
钱会怎么退回来
两个星期了还没退款
说好要退钱给我的""",
    },
    "get_invoice": {
        "en": """I need an invoice
send me the bill for my order
where can I download my receipt
please issue an invoice to my company
my invoice has the wrong name
can I have a copy of the receipt
I need a tax invoice
email me the invoice
the bill is missing from the parcel
how do I get a receipt
print the invoice of my last order
put the VAT number on the bill
I can't find my invoice
show me what I was billed
send the receipt again
invoice for purchase 77120 please""",
        "zh": """我需要发票
把订单的账单发给我
收据在哪里下载
请给我公司开发票
发票抬头写错了
能再给我一份收据吗
我要增值税发票
把发票发到我邮箱
包裹里没有发票
怎么开发票
打印上一单的发票
发票上要写税号
我找不到发票
看一下我的账单
再发一次收据
请给这笔订单开票""",
    },
    "payment_problem": {
        "en": """my payment failed
the card was declined
I can't pay for my basket
I was charged twice
there's an error at the checkout
the money left my account but there's no order
which cards do you take
can I pay by bank transfer
do you accept PayPal
payment doesn't go through
the voucher code is not accepted
why was my card refused
I paid but it says unpaid
can I pay on delivery
the pay button does nothing
something went wrong while paying""",
        "zh": """付款失败了
我的卡被拒了
购物车付不了款
扣了我两次钱
结账的时候出错了
钱扣了但是没有订单
你们支持哪些卡
可以银行转账吗
能用支付宝付款吗
支付一直不成功
优惠码用不了
为什么我的卡不能用
我付了钱却显示未付款
可以货到付款吗
点支付没有反应
支付的时候出了问题""",
    },
    "delivery_options": {
        "en": """how much is shipping
do you deliver to Spain
what delivery options do you have
is there express shipping
can I pick it up at a shop
how long does delivery take
do you ship abroad
is delivery free
can it come tomorrow
which courier do you use
do you deliver on Saturdays
what does postage cost
ways of delivery please
can I choose a delivery day
do you send to a parcel locker
from what amount is shipping free""",
        "zh": """运费多少钱
你们送到西班牙吗
有哪些配送方式
可以加急配送吗
能到店自取吗
一般几天能送到
你们寄到国外吗
包邮吗
明天能送到吗
用的是什么快递
周六送货吗
邮费怎么算
有什么送货方式
可以选送货日期吗
能放快递柜吗
满多少免运费""",
    },
    "find_product": {
        "en": """I'm looking for a gift for my mother
which laptop do you recommend
do you have red dresses
show me headphones under 50
is this mug in stock
what is the price of the desk lamp
I need shoes for running
can you suggest something for a baby
compare these two phones
do you sell bicycles
what goes well with this jacket
is there a cheaper one
does it come in green
find me a birthday present
what's the difference between these models
I want something for the kitchen""",
        "zh": """我想给妈妈找个礼物
你推荐哪款笔记本电脑
有红色的连衣裙吗
五十块以下的耳机有吗
这个杯子有货吗
台灯多少钱
我想买跑步鞋
给宝宝买什么好
比较一下这两款手机
你们卖自行车吗
这件外套配什么好看
有便宜一点的吗
有绿色的吗
帮我找一个生日礼物
这几个型号有什么区别
想买厨房用的东西""",
    },
    "account_help": {
        "en": """I forgot my password
I can't log in
how do I open an account
delete my account
change my e-mail address in my profile
I don't get the reset mail
my account is locked
sign me up
unsubscribe me from the newsletter
how do I edit my profile
registration doesn't work
remove my data
I want to change my user name
the site doesn't know my password
stop sending me newsletters
close my customer account""",
        "zh": """我忘记密码了
我登录不了
怎么注册账号
注销我的账户
修改个人资料里的邮箱
收不到重置密码的邮件
我的账号被锁了
帮我注册
不要再给我发邮件广告
怎么修改个人资料
注册不成功
删除我的数据
我想改用户名
网站说密码不对
取消订阅
关闭我的会员账号""",
    },
    "talk_to_person": {
        "en": """I want to talk to a person
get me a human
connect me with an agent
can I speak to someone real
is anybody there
I need customer service
call me back please
let me chat with an employee
no more bots
put me through to support
what is your phone number
I'd rather talk to a member of staff
transfer me to a colleague
how can I reach you
give me a real person please
live agent""",
        "zh": """我要找人工
转人工客服
帮我接真人
我想跟真人说话
有人在吗
我要找客服
请给我回个电话
让我和工作人员聊
不要机器人
接通客服
你们的电话是多少
我想找你们的员工谈
转给你的同事
怎么联系你们
请给我真人服务
人工服务""",
    },
    "complaint": {
        "en": """I want to complain
your service is terrible
I'm very unhappy with you
this is a disgrace
how do I file a complaint
nobody answers my mails
I'll never buy here again
the driver was rude
I have been lied to
your quality got worse
I want to speak about a bad experience
this shop is a joke
I am angry about my purchase
you ruined my birthday
I'd like to report poor service
who is responsible for this mess""",
        "zh": """我要投诉
你们的服务太差了
我对你们非常不满意
真是太不像话了
怎么提交投诉
没有人回我的邮件
我再也不会在这里买了
送货员态度很差
我被骗了
你们质量越来越差
我要反映一次糟糕的经历
这家店就是个笑话
我对这次购物很生气
你们把我的生日毁了
我要举报服务差
这一团糟谁负责""",
    },
}


def starter_examples(name: str, language: str) -> list[str]:
    """Return the phrases of an intent in a language."""
    return STARTER[name][language].splitlines()
