"""Words that are claims: a text may use one only where the facts use it, in either language.

They are in `words.txt`. A shop adds its own by the lists of its brand voice.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

_KINDS = ("colour", "material", "property", "guarantee", "superlative")


def _sections() -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    lines: list[str] = []
    for line in Path(__file__).with_name("words.txt").read_text(encoding="utf-8").splitlines():
        if line.startswith("["):
            lines = found.setdefault(line.strip("[]"), [])
        elif line and not line.startswith("#"):
            lines.append(line)
    return found


_SECTIONS = _sections()
#: English words that end like a superlative and are none.
_NO_SUPERLATIVES = frozenset(" ".join(_SECTIONS["no_superlative"]).split())
#: Words between those that say something.
JOINTS = frozenset(" ".join(_SECTIONS["joint"]).split())
_NEGATION = re.compile(
    r"\b(?:not|no|never|without|non|isn't|aren't|don't|doesn't|cannot|can't|nor)\b[\w\s'-]{0,24}$"
)
_NEGATION_BEHIND = re.compile(r"^[\s-]?free\b")
_CHINESE_NEGATION = re.compile(r"(?:不含|不是|不用|不|无|非|没有|未|免)[^，。！？、]{0,3}$")


@dataclass(frozen=True)
class Idea:
    """One claim in several words. `proofs` support it without claiming it."""

    name: str
    kind: str
    words: tuple[str, ...]
    pattern: re.Pattern[str]
    proofs: tuple[str, ...]


@dataclass(frozen=True)
class Mention:
    """A claim where it stands: what was written, and whether it is denied there."""

    idea: str
    kind: str
    word: str
    is_denied: bool


def _ideas() -> Iterator[Idea]:
    for kind in _KINDS:
        for entry in _SECTIONS[kind]:
            claims, _less, proofs = entry.partition("<")
            words = claims.split()
            yield Idea(words[0], kind, tuple(words), _pattern(words), tuple(proofs.split()))


def _pattern(words: list[str]) -> re.Pattern[str]:
    latin = [re.escape(word).replace("\\-", "[- ]?") for word in words if word.isascii()]
    dense = [re.escape(word) for word in words if not word.isascii()]
    parts = [rf"(?<![\w])(?:{'|'.join(latin)})(?![\w])"] if latin else []
    return re.compile("|".join([*parts, *dense]), re.IGNORECASE)


def _by_start(ideas: Sequence[Idea]) -> dict[str, list[int]]:
    """Return the places of ideas by how their words begin: two letters, or one where words have no gaps."""
    found: dict[str, list[int]] = {}
    for at, idea in enumerate(ideas):
        for word in idea.words:
            start = _START.match(word.casefold())
            found.setdefault(start.group() if start and word.isascii() else word[0], []).append(at)
    return found


_START = re.compile(r"(?<!\w)\w{2}")
IDEAS = tuple(_ideas())
_STARTING = _by_start(IDEAS)
_SUPERLATIVE = re.compile(r"\b([a-z]{3,}est)\b")


def mentions(text: str) -> Iterator[Mention]:
    """Yield the claims that a sentence makes by single words."""
    lowered = text.casefold().replace("’", "'")
    # Few ideas have words that begin as some of the sentence's do, and only those are looked for.
    starts = {*lowered, *_START.findall(lowered)}
    for at in sorted({at for start in starts for at in _STARTING.get(start, ())}):
        idea = IDEAS[at]
        for match in idea.pattern.finditer(lowered):
            if idea.name == "free" and _is_part_of_a_word(lowered, match.start()):
                continue
            yield Mention(idea.name, idea.kind, match.group(), _is_denied(lowered, match))
    for match in _SUPERLATIVE.finditer(lowered):
        if match.group(1) not in _NO_SUPERLATIVES and match.group(1) not in ("best", "finest"):
            yield Mention(match.group(1), "superlative", match.group(1), False)


def proves(idea_name: str, text: str) -> bool:
    """Whether facts hold a word that supports a claim without making it."""
    return any(word in text for word in _PROOFS.get(idea_name, ()))


_PROOFS = {idea.name: idea.proofs for idea in IDEAS if idea.proofs}


def _is_part_of_a_word(text: str, start: int) -> bool:
    """In “sugar-free” it is the sugar that is spoken of."""
    return start > 0 and text[start - 1] in "- " and bool(re.search(r"[a-z]-$", text[:start]))


def _is_denied(text: str, match: re.Match[str]) -> bool:
    before, behind = text[max(0, match.start() - 40) : match.start()], text[match.end() :]
    if not match.group().isascii():
        return bool(_CHINESE_NEGATION.search(before))
    return bool(_NEGATION.search(before)) or bool(_NEGATION_BEHIND.match(behind))
