"""Answers from the shop's articles: what a passage says, with where it says so; and nothing where unsure."""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from django.utils.translation import gettext as _

from ecomai.generation.claims import Evidence, Rules, check_text
from ecomai.generation.composers.base import CompositionRequest
from ecomai.generation.exceptions import ComposerAwayError
from ecomai.generation.facts import Facts
from ecomai.generation.models import LANGUAGE_CHOICES
from ecomai.generation.selectors import LivePrompt, rules_for
from ecomai.generation.services import (
    Composed,
    compose,
    compose_grounded,
    stream_sentences,
    writes_in_worker,
)
from ecomai.generation.texts import sentences_of, width

from ..app_settings import app_settings
from ..knowledge import current
from ..knowledge.graph import article_asked_for
from ..knowledge.guarding import without_harm, without_orders
from ..knowledge.index import Entry, telling
from ..prompts import ANSWER
from .people import PERSON
from .relations import known_relation
from .turns import Choice, Citation, Reply, Turn

logger = logging.getLogger(__name__)
#: An answer is no longer: columns, of which a Chinese letter takes two.
LONGEST_ANSWER = 700
LONGEST_CITATION = 300
#: So many passages are looked at for what to offer.
N_OFFERED = 3
#: The share of a sentence's telling words that its passage must have: more than texts about items need.
LEAST_SUPPORT = 0.8
#: What a choice of an article brings back.
ARTICLE = "article:"


def respond(turn: Turn) -> Reply | None:
    """Answer from one article, and say which; None where it is not sure that one answers."""
    if turn.value.startswith(ARTICLE):
        return _chosen(turn)
    found = turn.found
    if found is None:
        return None
    question = without_orders(turn.text)
    if reply := known_relation(question, turn):
        return reply
    if governed := article_asked_for(question, storefront=turn.conversation.storefront):
        return _answer(turn, entries_of(governed[1].pk, turn), question)
    if found.answer is None:
        return None
    return _answer(turn, [found.answer.entry], question)


def ask_back(turn: Turn) -> Reply | None:
    """Offer the likeliest articles where one of them may answer; once, so that nobody goes in circles."""
    if turn.conversation.n_failed_answers + 1 >= app_settings.MAX_FAILED_ANSWERS:
        return None
    found = turn.found
    if found is None or not found.judged or not found.judged.may_be:
        return None
    titles = {hit.entry.article_id: hit.entry.title for hit in found.hits[:N_OFFERED]}
    offered = [Choice(title, f"{ARTICLE}{pk}") for pk, title in titles.items()]
    return Reply(
        text=_("I'm not sure that I understood. Is it one of these?"), answered_by="asking_back",
        choices=(*offered, Choice(_("Talk to a person"), PERSON)), is_failed=True,
    )  # fmt: skip


def _chosen(turn: Turn) -> Reply | None:
    """Say what the article says that was chosen from those that were offered."""
    entries = entries_of(turn.value.removeprefix(ARTICLE), turn)
    return _answer(turn, entries, turn.text) if entries else None


def _answer(turn: Turn, entries: Sequence[Entry], question: str) -> Reply | None:
    return answer_from(entries, question, language=turn.language, show=turn.show)


def entries_of(article_id: object, turn: Turn) -> list[Entry]:
    """Return the passages of an article that this customer may read."""
    storefronts = ("", turn.conversation.storefront)
    return [
        entry for entry in current.current().entries
        if str(entry.article_id) == str(article_id) and entry.is_public and entry.storefront in storefronts
    ]  # fmt: skip


@dataclass(frozen=True)
class Asked:
    """What an answer is composed from, and what it is held against."""

    entries: Sequence[Entry]
    request: CompositionRequest
    rules: Rules

    @property
    def passages(self) -> Sequence[str]:
        return self.request.passages


def asked_of(entries: Sequence[Entry], question: str, *, language: str) -> Asked:
    passages = [without_orders(entry.text.replace("\n", " ")) for entry in entries]
    language = language if language in dict(LANGUAGE_CHOICES) else "en"
    rules = rules_for(language)
    request = CompositionRequest(
        purpose=ANSWER, language=language, most=LONGEST_ANSWER, passages=passages, question=question,
        facts=Facts(sentences=best_sentences(passages, question)),
    )  # fmt: skip
    return Asked(entries, request, replace(rules, min_support=max(rules.min_support, LEAST_SUPPORT)))


def answer_from(
    entries: Sequence[Entry], question: str, *, language: str, show: Callable[[str], None] | None = None
) -> Reply | None:
    """Compose from passages; a sentence that no single passage supports is withheld.

    A model that takes its time writes only where `show` is given: it is called with each sentence that has
    been checked, and with nothing where words were written.
    """
    if not entries:
        return None
    asked = asked_of(entries, question, language=language)
    if not writes_in_worker():
        return _reply(asked, compose(asked.request, rules=asked.rules))
    if show is not None and (written := _write(asked, show)):
        return written
    reply = _reply(asked, compose_grounded(asked.request, rules=asked.rules))
    return replace(reply, is_for_model=show is None) if reply else None


def _reply(asked: Asked, composed: Composed) -> Reply | None:
    if not composed.texts:
        return None
    draft = Draft(asked)
    text = without_harm(composed.texts[0].text)
    if text and len(asked.passages) == 1:
        # With one passage the text was held against it alone already.
        draft.said, draft.used = [text], {0: None}
        return draft.reply(n_tokens=composed.n_tokens)
    for sentence in sentences_of(text):
        draft.add(sentence)
    return draft.reply(n_tokens=composed.n_tokens)


def _write(asked: Asked, show: Callable[[str], None]) -> Reply | None:
    """Let the model write, and show each sentence that a passage supports; None where nothing is left."""
    draft = Draft(asked)
    n_tokens = 0
    try:
        for piece in stream_sentences(asked.request):
            n_tokens += piece.n_tokens
            show(draft.add(piece.text))
    except ComposerAwayError as error:
        logger.warning("A reply was not written to its end (%s); passages say it.", error.cause)
        return None
    return draft.reply(n_tokens=n_tokens)


@dataclass
class Draft:
    """An answer that grows by sentences; what no single passage supports is withheld."""

    asked: Asked
    said: list[str] = field(default_factory=list)
    withheld: list[str] = field(default_factory=list)
    used: dict[int, None] = field(default_factory=dict)

    def add(self, sentence: str) -> str:
        """Return the sentence as it is said, with the gap before it; '' where it is withheld."""
        if not sentence:
            return ""
        found = self._supported(without_harm(sentence))
        if found is None or found[0] in self.said or width(self.text) + width(found[0]) + 1 > LONGEST_ANSWER:
            self.withheld.append(sentence)
            return ""
        text, at = found
        gap = "" if not self.said or self.said[0][-1] in "。！？" else " "
        self.said.append(text)
        self.used[at] = None
        return gap + text

    @property
    def text(self) -> str:
        glue = "" if self.said and self.said[0][-1] in "。！？" else " "
        return glue.join(self.said)

    def reply(self, *, n_tokens: int = 0) -> Reply | None:
        if not self.said:
            return None
        return Reply(
            text=self.text, answered_by="knowledge", n_tokens=n_tokens,
            citations=_citations([self.asked.entries[at] for at in self.used]),
        )  # fmt: skip

    def _supported(self, sentence: str) -> tuple[str, int] | None:
        """Return what is left of a sentence and the first passage that supports it by itself."""
        for at, passage in enumerate(self.asked.passages):
            evidence = Evidence(passages=[passage])
            checked = check_text(sentence, evidence, self.asked.rules, most=LONGEST_ANSWER)
            if checked.text:
                return checked.text, at
        return None


def draft_by(prompt: LivePrompt, asked: Asked) -> tuple[Draft, int]:
    """Return what whoever composes would say by a prompt, and the tokens of it; nobody is shown anything.

    In a worker. Raises ComposerAwayError.
    """
    draft = Draft(asked)
    n_tokens = 0
    for piece in stream_sentences(asked.request, prompt=prompt):
        n_tokens += piece.n_tokens
        draft.add(piece.text)
    return draft, n_tokens


def best_sentences(passages: Sequence[str], question: str) -> list[str]:
    """Return the sentences that fit, those with the question's words first to be kept, in their order."""
    sentences = [part for passage in passages for part in sentences_of(passage)]
    asked = set(telling(question))
    by_worth = sorted(range(len(sentences)), key=lambda at: (-len(asked & set(telling(sentences[at]))), at))
    kept: set[int] = set()
    left = LONGEST_ANSWER
    for at in by_worth:
        left -= width(sentences[at]) + 1
        if left < 0 and kept:
            break
        kept.add(at)
    return [sentences[at] for at in sorted(kept)]


def _citations(entries: Sequence[Entry]) -> list[Citation]:
    """Return where sentences come from, without what is not said either."""
    return [
        Citation(entry.title, _shortly(without_harm(without_orders(entry.text))), entry.url)
        for entry in entries
    ]


def _shortly(text: str) -> str:
    text = " ".join(text.split())
    return text if len(text) <= LONGEST_CITATION else text[: LONGEST_CITATION - 1].rstrip() + "…"
