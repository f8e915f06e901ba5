"""Each sentence is held against the facts; one that they do not support is withheld, with the reason.

The checks are of words, not of meaning: they hold whoever composed the text, and cannot be talked out of it.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import cached_property

import Stemmer

from ecomai.generation.facts import Facts
from ecomai.generation.texts import plain, sentences_of, shortened, width
from ecomai.inference.stop_words import STOP_WORDS

from . import lexicon
from .quantities import UNIT_NAMES, Quantity, attribute_quantities, quantities

_ADDRESS = re.compile(
    r"(?:https?:|www\.|mailto:|javascript:)\S*|\b[\w.+-]+@[\w-]+\.\w+"
    r"|\b[\w-]+\.(?:com|net|org|cn|io|shop|de|uk|info|biz)\b\S*",
    re.I,
)
_CODE = re.compile(r"\{\{.*?\}\}|\{%.*?%\}|[{}`\\]|<\s*[a-z/!?|]|\]\(|\bsystem prompt\b|\bas an ai\b", re.I)
_SIZE = re.compile(
    r"\b(?:size|sizes|尺码|尺寸)\s*:?\s*((?:XXS|XS|S|M|L|XL|XXL|XXXL|3XL)\b)|\b(XXS|XS|XL|XXL|XXXL|3XL)\b"
)
_LATIN_WORD = re.compile(r"[A-Za-zÀ-ÖØ-öø-ÿ][\w'’-]*")
_DENSE = re.compile(r"[\u3400-\u9fff]")
#: Chinese letters that join others and say nothing by themselves.
_DENSE_JOINTS = frozenset("的了和与是在为您你我们这那把让等及或也都就有着来去给到更很吧呢吗款请看现")
_stem = Stemmer.Stemmer("english").stemWord


@dataclass(frozen=True)
class Evidence:
    """What a text may rely on: facts of an item, and further passages such as a tool's answer."""

    facts: Facts = field(default_factory=Facts)
    passages: Sequence[str] = ()
    #: Words of the shop's own prompt: they need no fact, unless they are claims.
    own_words: str = ""

    @cached_property
    def lines(self) -> list[str]:
        return [*self.facts.lines(), *(plain(passage) for passage in self.passages)]

    @cached_property
    def text(self) -> str:
        return "\n".join(self.lines).casefold()

    @cached_property
    def quantities(self) -> list[Quantity]:
        found = [each for name, value in self.facts.attributes for each in attribute_quantities(name, value)]
        return found + [each for line in self.lines for each in quantities(line)]

    @cached_property
    def mentions(self) -> set[tuple[str, bool]]:
        return {(each.idea, each.is_denied) for line in self.lines for each in lexicon.mentions(line)}

    @cached_property
    def stems(self) -> frozenset[str]:
        return frozenset(_stem(word) for word in _latin_words(self.text))

    @cached_property
    def own_stems(self) -> frozenset[str]:
        return frozenset(_stem(word) for word in _latin_words(self.own_words.casefold()))

    @cached_property
    def own_pairs(self) -> frozenset[str]:
        return frozenset(_dense_pairs(self.own_words))

    @cached_property
    def pairs(self) -> frozenset[str]:
        return frozenset(_dense_pairs(self.text))

    @cached_property
    def sizes(self) -> frozenset[str]:
        return frozenset(re.findall(r"\b[A-Z0-9]{1,4}\b", "\n".join(self.lines)))


@dataclass(frozen=True)
class Rules:
    """What the shop forbids whatever the facts say, and how strict the checks are."""

    banned: Sequence[str] = ()
    avoided: Sequence[str] = ()
    allowed: Sequence[str] = ()
    may_exclaim: bool = True
    #: Names of other brands: they may be written in small letters, too.
    other_names: frozenset[str] = frozenset()
    min_support: float = 0.5


@dataclass(frozen=True)
class Finding:
    """Why a sentence is withheld: a code, what in it is to blame, and the sentence."""

    code: str
    what: str
    sentence: str

    def as_json(self) -> dict[str, str]:
        return asdict(self)


@dataclass(frozen=True)
class Checked:
    """What is left of a text, and what was withheld."""

    text: str
    findings: tuple[Finding, ...] = ()


def check_text(text: str, evidence: Evidence, rules: Rules, *, most: int) -> Checked:
    """Return the sentences that hold, as many as fit into `most` columns, and why the others do not."""
    kept: list[str] = []
    findings: list[Finding] = []
    used = 0
    for sentence in sentences_of(plain(_unmarked(text))):
        finding = next(_findings(sentence, evidence, rules), None)
        room = width(sentence) + (1 if kept and not _DENSE.search(sentence) else 0)
        if finding is None and used + room > most:
            if not kept:
                sentence, room = shortened(sentence, most), most
            else:
                finding = Finding("length", "", sentence)
        if finding is not None:
            findings.append(finding)
            continue
        kept.append(sentence)
        used += room
    if not kept:
        findings.append(Finding("empty", "", ""))
    glue = "" if kept and _DENSE.search(kept[0]) else " "
    return Checked(glue.join(kept), tuple(findings))


def _unmarked(text: str) -> str:
    """Take away what models put around a text: emphasis, bullets, quotes around the whole."""
    text = re.sub(r"^\s*(?:[-*•]|#+|\d+[.)])\s+", "", text.strip(), flags=re.M)
    text = re.sub(r"(\*\*|__|\*)(\S.*?)\1", r"\2", text)
    return re.sub(r'^["“](.*)["”]$', r"\1", text.strip(), flags=re.S)


def _findings(sentence: str, evidence: Evidence, rules: Rules) -> Iterator[Finding]:
    """Yield what is wrong with a sentence, the gravest first."""
    checks = (
        _forbidden(sentence, rules), _alien(sentence), _numbers(sentence, evidence),
        _claims(sentence, evidence), _sizes(sentence, evidence), _names(sentence, evidence, rules),
        _support(sentence, evidence, rules),
    )  # fmt: skip
    for found in checks:
        for code, what in found:
            yield Finding(code, what, sentence)


Found = Iterator[tuple[str, str]]


def _forbidden(sentence: str, rules: Rules) -> Found:
    for code, words in (("banned", rules.banned), ("avoided", rules.avoided)):
        for word in words:
            if _has_word(sentence, word):
                yield code, word
    if not rules.may_exclaim and re.search("[!！]", sentence):
        yield "exclamation", "!"


def _has_word(sentence: str, word: str) -> bool:
    """Whether a word or a phrase of a list stands in a sentence; spaces and case do not matter."""
    parts = [re.escape(part) for part in word.split()]
    if not parts:
        return False
    edge = (r"(?<!\w)", r"(?!\w)") if word.isascii() else ("", "")
    return bool(re.search(edge[0] + r"[\s-]+".join(parts) + edge[1], sentence, re.I))


def _alien(sentence: str) -> Found:
    for code, pattern in (("address", _ADDRESS), ("code", _CODE)):
        if match := pattern.search(sentence):
            yield code, match.group()


def _numbers(sentence: str, evidence: Evidence) -> Found:
    for each in quantities(sentence):
        if not each.is_supported_by(evidence.quantities):
            yield "number", each.written


def _claims(sentence: str, evidence: Evidence) -> Found:
    for each in lexicon.mentions(sentence):
        if (each.idea, each.is_denied) in evidence.mentions:
            continue
        if not each.is_denied and lexicon.proves(each.idea, evidence.text):
            continue
        opposite = (each.idea, not each.is_denied) in evidence.mentions
        yield ("denied" if opposite else each.kind), each.word


def _sizes(sentence: str, evidence: Evidence) -> Found:
    for match in _SIZE.finditer(sentence):
        size = match[1] or match[2]
        if size not in evidence.sizes:
            yield "size", size


def _names(sentence: str, evidence: Evidence, rules: Rules) -> Found:
    """Another brand, or a capital letter amid a sentence: what the facts do not name is nobody's to name."""
    for name in rules.other_names:
        if _has_word(sentence, name) and name.casefold() not in evidence.text:
            yield "name", name
    words = _LATIN_WORD.findall(sentence)
    if _is_title_case(words):
        return
    first = _LATIN_WORD.search(sentence)
    for match in _LATIN_WORD.finditer(sentence):
        word = match.group()
        begins = first is not None and match.start() == first.start() and not _DENSE.search(sentence)
        if word[0].isupper() and not begins and len(word) > 1 and not _is_known(word, evidence, rules):
            yield "name", word


def _is_title_case(words: Sequence[str]) -> bool:
    long = [word for word in words if len(word) > 3]
    return len(long) >= 3 and sum(word[0].isupper() for word in long) > 0.6 * len(long)


def _is_known(word: str, evidence: Evidence, rules: Rules) -> bool:
    stem = _stem(word.casefold().removesuffix("'s").removesuffix("’s"))
    allowed = {_stem(each) for line in rules.allowed for each in _latin_words(line.casefold())}
    return stem in evidence.stems or stem in evidence.own_stems or stem in allowed


def _support(sentence: str, evidence: Evidence, rules: Rules) -> Found:
    """Most words that say something must be the facts' own; in title case, where names hide, all of them."""
    if _DENSE.search(sentence):
        yield from _dense_support(sentence, evidence, rules)
        return
    words = _LATIN_WORD.findall(sentence)
    telling = [word for word in words if len(word) > 2 and word.casefold() not in _SILENT | UNIT_NAMES]
    unknown = [word for word in telling if not _is_known(word, evidence, rules)]
    least = 1.0 if _is_title_case(words) else rules.min_support
    # Numbers were proved before, and each says as much as a word.
    n_numbers = len(list(quantities(sentence)))
    n_telling = len(telling) + n_numbers
    if telling and n_telling - len(unknown) < least * n_telling:
        yield "support", ", ".join(dict.fromkeys(unknown))


def _dense_support(sentence: str, evidence: Evidence, rules: Rules) -> Found:
    """Chinese has no gaps between words, so pairs of letters are compared.

    Facts in another language cannot be compared so: there the sentence must hold something that was proved,
    a number, a claim's word or a name.
    """
    pairs = set(_dense_pairs(sentence)) - evidence.own_pairs
    pairs -= {pair for line in rules.allowed for pair in _dense_pairs(line)}
    if not pairs:
        return
    if evidence.pairs:
        if len(pairs & evidence.pairs) < rules.min_support * len(pairs):
            yield "support", "、".join(sorted(pairs - evidence.pairs)[:5])
        return
    is_anchored = any(quantities(sentence)) or any(lexicon.mentions(sentence))
    if not is_anchored and not any(len(word) > 1 for word in _LATIN_WORD.findall(sentence)):
        yield "support", sentence[:20]


def _dense_pairs(text: str) -> Iterator[str]:
    for run in re.findall(r"[\u3400-\u9fff]+", text):
        kept = "".join(letter if letter not in _DENSE_JOINTS else " " for letter in run)
        for part in kept.split():
            yield from (part[at : at + 2] for at in range(len(part) - 1))


def _latin_words(text: str) -> list[str]:
    return [word.removesuffix("'s").removesuffix("’s") for word in _LATIN_WORD.findall(text)]


_SILENT = lexicon.JOINTS | STOP_WORDS["english"]


def findings_as_json(findings: Sequence[Finding]) -> list[Mapping[str, str]]:
    return [finding.as_json() for finding in findings]
