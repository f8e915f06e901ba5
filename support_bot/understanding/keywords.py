"""Before anything is trained: words that alone say what a short message wants, in English and Chinese.

A message of two or three words shares too little with whole phrases to be like any of them.
"""

import re

from ecomai.inference.text import normalise

#: Longer messages have words enough to be compared, and may name these words by the way.
MOST_LETTERS, MOST_WORDS = 16, 7
_HAN = re.compile(r"[\u4e00-\u9fff]")

#: The first that is found is meant: what is narrower stands before what is wider.
_SIGNS = (
    (
        "complaint",
        r"投诉|举报|差评|态度(?:太|很|真)?差|太差劲|骗子|骗人|垃圾"
        r"|\b(?:complain(?:t|ts)?|scam|rip ?off)\b",
    ),
    (
        "talk_to_person",
        r"人工|真人|客服|(?:叫|找|换)个?人"
        r"|\b(?:human|real person|live agent|agent|representative|operator)\b",
    ),
    (
        "get_invoice",
        r"发票|开票|收据|抬头|\b(?:invoice|receipt|vat bill)\b",
    ),
    (
        "payment_problem",
        r"(?:付|支付|付款|扣款|刷卡|银行卡|信用卡).{0,4}(?:失败|不了|不成功|出错|被拒|没成功|有问题"
        r"|两次|多次|重复)|(?:重复|多|乱)扣|扣了?(?:我)?(?:两|2|好几)次|付不了"
        r"|(?:无法|不能)(?:支付|付款)|\b(?:payment|card|checkout|pay)\b.{0,20}\b(?:fail(?:s|ed|ing)?"
        r"|declined|rejected|error|problem|refused|not work(?:s|ing)?)\b|\bcan'?t pay\b"
        r"|\bcharged (?:me )?twice\b|\bdouble charge",
    ),
    (
        "account_help",
        r"密码|登[录陆]|账号|账户|帐号|注册|注销|验证码收不到"
        r"|\b(?:password|pw|log ?in|sign ?in|login|account|locked out|register)\b",
    ),
    (
        "change_address",
        r"(?:改|换|更|填错|写错|错).{0,5}(?:地址|电话|门牌|收货人|收件人)"
        r"|(?:地址|收货人|收件人).{0,4}(?:错|改|换|更)|寄到(?:别|另|其他|公司|家)"
        r"|\b(?:change|wrong|new|different|update|edit|fix)\b.{0,12}\baddress\b"
        r"|\baddress\b.{0,8}\b(?:wrong|changed?|new)\b",
    ),
    (
        "exchange_item",
        r"换货|换(?:个|一|成|大|小|新|码|尺|颜|别)|(?:可以|能|想|要|怎么|给我?)换|调换"
        r"|(?:尺码|码数|号码)不(?:合|对)|\b(?:exchange|swap|replace(?:ment)?|(?:other|another|bigger"
        r"|smaller|different) (?:size|colou?r))\b",
    ),
    (
        "cancel_order",
        r"取消|撤销|撤单|退单|(?:别|不要|先别|停止)(?:发货|发了|寄了?)|(?:不|别)想?(?:要|买)了|拍错"
        r"|下错单|(?:买|拍)(?:错|重|多)|\b(?:cancel(?:led|lation|ing)?|call it off|don'?t (?:send"
        r"|ship)|ordered (?:it )?by mistake)\b",
    ),
    (
        "return_item",
        r"退\s?货|退回|退掉|退换|寄回|把.{1,6}退|(?:想|要|能|可以|怎么)退(?!款|钱)"
        r"|(?:不合适|不喜欢).{0,3}退|(?:东西|货|收到).{0,4}(?:坏|破|碎|损|有问题)|七天无理由"
        r"|\b(?:returns?|returning|send (?:it|this|them) back|bring (?:it|this) back|give (?:it"
        r"|this) back)\b",
    ),
    (
        "refund_status",
        r"退款|退.{0,2}钱|返款|(?:钱|款).{0,4}(?:退|还给|返|没到|到账)"
        r"|\b(?:refund(?:ed|s)?|money back|my money)\b",
    ),
    (
        "delivery_options",
        r"运费|邮费|包邮|免邮|配送|自提|(?:发|走|用|是)(?:的)?(?:什么|哪家|哪个|啥)(?:快递|物流)"
        r"|(?:几|多少)天(?:能|可以|会)?(?:到|收|送)|多久(?:能|可以|会)?(?:到|收|送|发)"
        r"|能?(?:寄|送|发)到?(?:国外|海外|港澳|新疆|西藏|哪)|(?:支持|可以|能)(?:顺丰|货到付款|加急)"
        r"|\b(?:shipping (?:cost|fee|price|options?|time)|postage|delivery (?:cost|fee|time|options?"
        r"|price)|free (?:shipping|delivery)|(?:ship|deliver|send) (?:it )?to"
        r"|how long (?:does )?(?:delivery|shipping)|click and collect|pick ?up)\b",
    ),
    (
        "find_product",
        r"有没有|有货|现货|库存|缺货|断货|补货|还有吗|有卖|^有.{1,6}吗|(?:哪款|哪个)(?:好|合适)"
        r"|怎么卖|想买|想找|推荐|礼物|多少钱|什么价|价格|\b(?:in stock|do you (?:have|sell)"
        r"|looking for|recommend|suggest|gift|price of|how much is)\b",
    ),
    (
        "track_order",
        r"物流|快递|包裹|发货|派送|查(?:一?下)?(?:单|订单|件)|订单(?:状态|进度|查询|在|到|呢)|单号"
        r"|(?:货|东西|件|宝贝|订单).{0,4}(?:到哪|在哪|哪里|到了?没|送到|没到|没收到|还没)"
        r"|(?:还没|没|怎么没|一直没)(?:有)?(?:收到|到货|送到|送来|发)"
        r"|(?:什么时候|何时|啥时候|几时)(?:能|会|才|可以)?(?:到|送|发|收)|到哪(?:儿|里|了)"
        r"|(?:货|包裹|快递|东西)(?:呢|丢|不见)|\b(?:track(?:ing)?|where(?:'?s| is| are)?(?: the"
        r"| my)? (?:order|stuff|parcel|package|things?|delivery|shipment|item)|order status"
        r"|status of (?:my )?order|(?:not|never|hasn'?t) (?:arrived?|come|delivered)|(?:shipped"
        r"|arrived) yet|when (?:will|does|do) (?:it|they|my \w+) (?:arrive|come|ship)|eta|late"
        r"|wheres)\b",
    ),
)  # fmt: skip
_PATTERNS = tuple((intent, re.compile(pattern)) for intent, pattern in _SIGNS)


def find_wanted(text: str) -> str:
    """Return the intent that a word of a short message names; '' where none does.

    Examples
    --------
    >>> find_wanted("退货"), find_wanted("where my stuff"), find_wanted("hm")
    ('return_item', 'track_order', '')
    """
    plain = normalise(text)
    if len(_HAN.findall(plain)) > MOST_LETTERS or len(plain.split()) > MOST_WORDS:
        return ""
    return next((intent for intent, pattern in _PATTERNS if pattern.search(plain)), "")
