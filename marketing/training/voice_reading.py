"""What sentences of customers mean: aspects that no word names, and topics, by the text encoder; in a worker.

Thresholds of aspects come from the shop's own sentences: those that words name, with these words taken out,
are what a sentence without them is judged by.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import numpy as np
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _
from numpy.typing import NDArray

from ecomai.inference.text import DENSE_SCRIPTS, main_script
from ecomai.registry.jobs import RunningJob

from ..app_settings import app_settings
from ..models import Aspect, Feedback, FeedbackAspect
from ..voice.prototypes import Prototypes, choose_thresholds, give_aspects, owners_of
from ..voice.sentences import AspectWords
from ..voice.topics import name_topics
from .ad_response import fit_encoder

if TYPE_CHECKING:
    from ecomai.learning.encoders.base import TextEncoder

READ_WITHIN = timedelta(days=365)
MOST_SENTENCES, MOST_JUDGED = 6_000, 2_000
#: Letters that a sentence needs beside the words of its aspects to be judged by; a dense letter counts as 3.
LEAST_LETTERS = 9
FEEDBACK_AT_ONCE = 1000
#: A topic has so many sentences at least.
LEAST_IN_TOPIC, MOST_TOPICS, N_DIRECTIONS, N_COMPARED = 12, 24, 24, 2_000
SEED = 0
Floats = NDArray[np.float32]


@dataclass(frozen=True)
class Sentence:
    """A sentence of a text, once, however many aspects it has; `known` are theirs, by words or by meaning."""

    feedback: int
    position: int
    text: str
    known: frozenset[int]


def run_reading(job: RunningJob) -> dict[str, Any]:
    """Give aspects to sentences that no word named, and find topics anew. Safe to run twice."""
    now = timezone.now()
    sentences = read_sentences(as_of=now)
    if not sentences:
        return {"n_sentences": 0}
    aspects = list(Aspect.objects.filter(is_active=True).order_by("pk"))
    prototypes = [prototype_texts(aspect) for aspect in aspects]
    job.report(0.05, _("Reading sentences"))
    texts = [each.text for each in sentences]
    known = [*texts, *(text for of_one in prototypes for text in of_one)]
    encoder = fit_encoder(known, name=app_settings.VOICE_TEXT_ENCODER)
    vectors = encoder.encode(texts)
    job.report(0.5, _("Looking for aspects"))
    reader = learn_aspects(encoder, aspects, prototypes, sentences)
    n_given = give(reader, sentences, vectors, as_of=now)
    job.report(0.8, _("Looking for topics"))
    n_topics = write_topics(sentences, find_topics(texts, vectors))
    return {"n_sentences": len(sentences), "n_given": n_given, "n_topics": n_topics}


def read_sentences(*, as_of: datetime) -> list[Sentence]:
    """Return the newest sentences of a year."""
    rows = FeedbackAspect.objects.filter(written_at__gt=as_of - READ_WITHIN, written_at__lte=as_of)
    columns = ("feedback_id", "position", "sentence", "aspect_id")
    found: dict[tuple[int, int], tuple[str, set[int]]] = {}
    for feedback, position, text, aspect in rows.order_by("-written_at", "-pk").values_list(*columns):
        key = (feedback, position)
        if key not in found and len(found) == MOST_SENTENCES:
            break
        found.setdefault(key, (text, set()))[1].update({aspect} if aspect else ())
    return [Sentence(*key, text, frozenset(known)) for key, (text, known) in found.items()]


# -- aspects --------------------------------------------------------------------------------------


def prototype_texts(aspect: Aspect) -> list[str]:
    """Return what an aspect is like: its examples, and its words of each kind of script in a row."""
    dense = [word for word in aspect.phrases if main_script(word) in DENSE_SCRIPTS]
    others = [word for word in aspect.phrases if word not in dense]
    rows = [", ".join([aspect.name, *others]) if others else aspect.name, "，".join(dense)]
    return [text for text in (*rows, *aspect.example_sentences) if text]


@dataclass(frozen=True)
class AspectReader:
    """Aspects with prototypes, and thresholds for each part of the encoder that a sentence may go to."""

    encoder: "TextEncoder"
    aspects: Sequence[Aspect]
    prototypes: Prototypes
    thresholds: dict[bool, NDArray[np.float64]]

    def read(self, texts: Sequence[str], vectors: Floats) -> list[int | None]:
        """Return of each sentence the primary key of its aspect."""
        scores, is_known = self.prototypes.scores(vectors), knows(self.encoder, texts)
        found: list[int | None] = [None] * len(texts)
        for part, thresholds in self.thresholds.items():
            rows = np.flatnonzero(is_known == part)
            for row, given in zip(rows.tolist(), give_aspects(scores[rows], thresholds), strict=True):
                found[row] = None if given is None else self.aspects[given].pk
        return found


def learn_aspects(
    encoder: "TextEncoder",
    aspects: Sequence[Aspect],
    prototypes: Sequence[Sequence[str]],
    sentences: Sequence[Sentence],
) -> AspectReader:
    """Choose thresholds by sentences that words name, as if these words had not been there."""
    prototypical = [text for of_one in prototypes for text in of_one]
    known = Prototypes(encoder.encode(prototypical), owners_of(list(map(len, prototypes))), len(aspects))
    words = AspectWords((place, aspect.phrases) for place, aspect in enumerate(aspects))
    rng = np.random.default_rng(SEED)
    # What many wrote word for word says no more than what one wrote.
    different = list(dict.fromkeys(each.text for each in sentences))
    some = [different[place] for place in rng.permutation(len(different))[:MOST_JUDGED].tolist()]
    judged = [(bare, words.find(text)) for text in some if _says_enough(bare := words.without(text))]
    is_about = np.zeros((len(judged), len(aspects)), dtype=bool)
    for row, (_text, found) in enumerate(judged):
        is_about[row, found] = True
    left = [text for text, _found in judged]
    scores, is_known = known.scores(encoder.encode(left)), knows(encoder, left)
    thresholds = {
        part: choose_thresholds(scores[is_known == part], is_about[is_known == part])
        for part in (True, False)
    }
    return AspectReader(encoder, aspects, known, thresholds)


def _says_enough(text: str) -> bool:
    weights = (3 if main_script(letter) in DENSE_SCRIPTS else 1 for letter in text if letter.isalpha())
    return sum(weights) >= LEAST_LETTERS


def knows(encoder: "TextEncoder", texts: Sequence[str]) -> NDArray[np.bool_]:
    """Return which texts go to the pretrained part of an encoder that has several."""
    asked: Any = getattr(encoder, "knows", None)
    return asked(texts) if asked else np.zeros(len(texts), dtype=bool)


def give(reader: AspectReader, sentences: Sequence[Sentence], vectors: Floats, *, as_of: datetime) -> int:
    """Write the aspects that meaning gives to texts that were not read so yet; returns how many."""
    unread = set(Feedback.objects.filter(read_at=None).values_list("pk", flat=True))
    places = [place for place, each in enumerate(sentences) if each.feedback in unread]
    found = reader.read([sentences[place].text for place in places], vectors[places])
    given = {
        (sentences[place].feedback, sentences[place].position): pk
        for place, pk in zip(places, found, strict=True)
    }
    known = {(each.feedback, each.position): each.known for each in sentences}
    given = {key: None if pk in known[key] else pk for key, pk in given.items()}
    texts = sorted({feedback for feedback, _position in given})
    return sum(
        _write(texts[start : start + FEEDBACK_AT_ONCE], given, as_of)
        for start in range(0, len(texts), FEEDBACK_AT_ONCE)
    )


def _write(pks: Sequence[int], given: dict[tuple[int, int], int | None], as_of: datetime) -> int:
    with transaction.atomic():
        # Who changes a text meanwhile has it read again.
        unchanged = Feedback.objects.select_for_update().filter(pk__in=pks, read_at=None)
        kept = set(unchanged.order_by("pk").values_list("pk", flat=True))
        rows: dict[tuple[int, int], FeedbackAspect] = {}
        for row in FeedbackAspect.objects.filter(feedback__in=kept).order_by("pk"):
            rows.setdefault((row.feedback_id, row.position), row)
        made = [
            FeedbackAspect(
                feedback_id=key[0], position=key[1], aspect_id=aspect, sentence=row.sentence,
                written_at=row.written_at, sentiment=row.sentiment, topic=row.topic,
                negative_probability=row.negative_probability, found_by=FeedbackAspect.FoundBy.MEANING,
            )
            for key, row in rows.items()
            if (aspect := given.get(key)) is not None
        ]  # fmt: skip
        named = [rows[key].pk for key in rows if given.get(key) is not None]
        FeedbackAspect.objects.filter(pk__in=named, aspect=None).delete()
        FeedbackAspect.objects.bulk_create(made, ignore_conflicts=True, batch_size=2000)
        Feedback.objects.filter(pk__in=kept).update(read_at=as_of)
    return len(made)


# -- topics ---------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Topic:
    """A named group: places of its sentences, those nearest to its middle first."""

    name: str
    places: list[int]


def find_topics(texts: Sequence[str], vectors: Floats) -> list[Topic]:
    """Return groups of sentences that are alike, and that words tell from the others.

    Vectors that cannot be compared, as of other scripts, are grouped by themselves: their columns differ.
    """
    scripts = np.array(["dense" if main_script(text) in DENSE_SCRIPTS else "other" for text in texts])
    groups: list[list[int]] = []
    for script in ("other", "dense"):
        rows = np.flatnonzero((scripts == script) & (np.abs(vectors).sum(axis=1) > 0))
        groups += [rows[group].tolist() for group in group_vectors(vectors[rows])]
    names = name_topics([[texts[place] for place in group] for group in groups])
    return [Topic(name, group) for name, group in zip(names, groups, strict=True) if name]


def group_vectors(vectors: Floats) -> list[NDArray[np.int64]]:
    """Return groups of rows, those nearest to the middle first; none where there are too few.

    How many is what separates best (silhouette).
    """
    from sklearn.cluster import KMeans
    from sklearn.decomposition import PCA
    from sklearn.metrics import silhouette_score

    most = min(MOST_TOPICS, len(vectors) // LEAST_IN_TOPIC)
    if most < 2:
        return []
    n_directions = min(N_DIRECTIONS, len(vectors) - 1, vectors.shape[1])
    points = PCA(n_directions, random_state=SEED).fit_transform(vectors)
    best: tuple[float, Any] = (-np.inf, None)
    for n_groups in sorted({2, *range(4, most + 1, 4), most}):
        fitted = KMeans(n_groups, n_init=3, random_state=SEED).fit(points)
        if len(set(fitted.labels_.tolist())) < 2:
            continue  # all are alike
        some = min(N_COMPARED, len(points) - 1)
        score = silhouette_score(points, fitted.labels_, sample_size=some, random_state=SEED)
        best = max(best, (float(score), fitted), key=lambda pair: pair[0])
    return [] if best[1] is None else _nearest_first(points, best[1])


def _nearest_first(points: NDArray[Any], fitted: Any) -> list[NDArray[np.int64]]:
    distances = np.linalg.norm(points - fitted.cluster_centers_[fitted.labels_], axis=1)
    groups = [np.flatnonzero(fitted.labels_ == label) for label in range(fitted.n_clusters)]
    return [
        group[np.argsort(distances[group], kind="stable")] for group in groups if len(group) >= LEAST_IN_TOPIC
    ]


def write_topics(sentences: Sequence[Sentence], topics: Sequence[Topic]) -> int:
    """Let each sentence be of its topic, in place of what was there; returns how many topics there are."""
    place_of = {
        (sentences[place].feedback, sentences[place].position): (topic.name, rank)
        for topic in topics
        for rank, place in enumerate(topic.places, start=1)
    }
    pks = sorted({each.feedback for each in sentences})
    FeedbackAspect.objects.exclude(topic="").exclude(feedback__in=pks).update(topic="", topic_rank=None)
    for start in range(0, len(pks), FEEDBACK_AT_ONCE):
        rows = list(FeedbackAspect.objects.filter(feedback__in=pks[start : start + FEEDBACK_AT_ONCE]))
        for row in rows:
            row.topic, row.topic_rank = place_of.get((row.feedback_id, row.position), ("", None))
        FeedbackAspect.objects.bulk_update(rows, ["topic", "topic_rank"], batch_size=500)
    return len(topics)
