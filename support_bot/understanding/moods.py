"""How a message sounds: pleased or angry, and whether it can wait. Words and signs of English and Chinese."""

import re
from dataclasses import dataclass

from ecomai.inference.text import normalise

ANGRY = (
    "angry furious terrible awful horrible worst disgusting disgrace useless ridiculous unacceptable scam "
    "fraud liar liars hate pathetic joke rude incompetent damn bloody fuck fucking shit crap"
)
UNHAPPY = (
    "unhappy disappointed disappointing annoyed annoying bad broken wrong upset frustrated sad poor complain "
    "complaint damaged missing late slow problem"
)
HAPPY = "thanks thank great perfect love lovely excellent wonderful awesome happy good nice helpful pleased"
URGENT = "urgent urgently asap immediately now today emergency quickly hurry tonight deadline straightaway"
ANGRY_ZH = "生气 愤怒 垃圾 骗子 骗人 太差 恶心 无耻 可恶 气死 投诉 举报 差评 忍无可忍 不像话 糟糕透"
UNHAPPY_ZH = "不满 失望 不开心 坏了 错了 郁闷 烦 糟糕 太慢 没收到 问题 破损"
HAPPY_ZH = "谢谢 感谢 很好 太好了 喜欢 满意 开心 完美 不错 棒"
URGENT_ZH = "紧急 马上 立刻 赶紧 尽快 急 今天 现在 立即 快点"
NOT = re.compile(r"\b(not|no|never|isn't|wasn't|don't|didn't|won't)\s+(\w+\s+)?$")
WORD = re.compile(r"[a-z']+")


@dataclass(frozen=True)
class Mood:
    """`sentiment` from -1 (angry) to 1 (pleased), `urgency` from 0 (can wait) to 1."""

    sentiment: float
    urgency: float


def read_mood(text: str) -> Mood:
    """Return how a message sounds; what says nothing is neutral and can wait.

    Examples
    --------
    >>> read_mood("This is the worst shop!!! I need it TODAY").sentiment < -0.5
    True
    """
    plain = normalise(text)
    bad = 2 * _count(plain, ANGRY, ANGRY_ZH) + _count(plain, UNHAPPY, UNHAPPY_ZH)
    good = _count(plain, HAPPY, HAPPY_ZH, is_turned=False)
    bad += _count(plain, HAPPY, "", is_turned=True)
    shouting = _shouting(text)
    score = good - bad * (1 + shouting)
    urgent = _count(plain, URGENT, URGENT_ZH) + shouting
    return Mood(max(-1.0, min(1.0, score / 3)), min(1.0, urgent / 2))


def _count(text: str, english: str, chinese: str, *, is_turned: bool | None = None) -> int:
    """Return how many of some words are in a text; `is_turned` asks for those behind a “not”, or not."""
    known = set(english.split())
    found = [match for match in WORD.finditer(text) if match.group() in known]
    if is_turned is not None:
        found = [each for each in found if bool(NOT.search(text[: each.start()])) == is_turned]
    return len(found) + sum(word in text for word in chinese.split())


def _shouting(text: str) -> float:
    """Return 0 to 1: capitals and exclamation marks."""
    letters = [letter for letter in text if letter.isascii() and letter.isalpha()]
    is_loud = len(letters) >= 8 and sum(letter.isupper() for letter in letters) > 0.6 * len(letters)
    marks = text.count("!") + text.count("！")
    return min(1.0, (0.5 if is_loud else 0.0) + (0.5 if marks >= 2 else 0.0))
