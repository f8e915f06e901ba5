"""Train the image encoder on the shop's pictures; judged by whether another view of one finds its product."""

import hashlib
import re
import shutil
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, overload

import numpy as np
from django.utils.translation import gettext as _
from PIL import Image

from ecomai.commerce.models import Item
from ecomai.exceptions import NotEnoughDataError
from ecomai.fusion.vectors import store_vectors
from ecomai.learning.callbacks import ReportTo
from ecomai.registry.runs import Candidate, Run
from ecomai.serving.predictors import load_predictor

from ..app_settings import app_settings
from ..exceptions import ImageEncoderMissingError, NoImageEncoderError
from ..picture_sources import picture_digest
from ..readiness import MIN_PICTURES
from ..services import picture_vectors
from ..services.picture_vectors import ItemPicture
from ..texts import item_text
from .picture_features import KEY, N_FEATURES

if TYPE_CHECKING:
    from ecomai.learning.encoders.images import PretrainedImageEncoder

SMALL = "small"
READ_AT_ONCE = 64
MAX_JUDGED = 500
#: Of a small catalogue at least so many pictures are kept from learning, and judge.
LEAST_HELD_OUT, HELD_OUT_SHARE = 10, 0.1
CHANGE = 0.5  # how much the pictures that are searched by differ from those of the items
GRID = 4
# Unless it is said otherwise, `small` looks at so many pictures, some of them again and again.
SMALL_VIEWS, LEAST_EPOCHS, MOST_EPOCHS = 12_000, 5, 110
K = 10
TEXT_COLUMNS = ("title", "category_path", "brand", "attributes", "description")


@dataclass(frozen=True)
class Shown:
    """An item whose picture could be read: its copy lies in the run's folder."""

    key: int
    storefront: str
    item_id: str
    url: str
    text: str


class Pictures(Sequence[Image.Image]):
    """Pictures that lie on disk, opened when they are asked for."""

    def __init__(self, folder: Path, shown: Sequence[Shown]) -> None:
        self.folder = folder
        self.shown = shown

    def __len__(self) -> int:
        return len(self.shown)

    @overload
    def __getitem__(self, row: int) -> Image.Image: ...
    @overload
    def __getitem__(self, row: slice) -> "Pictures": ...
    def __getitem__(self, row: int | slice) -> "Image.Image | Pictures":
        if isinstance(row, slice):
            return Pictures(self.folder, self.shown[row])
        with Image.open(self.folder / f"{self.shown[row].key}.png") as picture:
            return picture.convert("RGB")

    def some(self, rows: Sequence[int] | np.ndarray) -> "Pictures":
        return Pictures(self.folder, [self.shown[row] for row in rows])


class Encodes(Protocol):
    def encode(self, images: Any) -> np.ndarray: ...
    def encode_texts(self, texts: Any) -> np.ndarray: ...


def train_image_encoder(run: Run) -> Candidate:
    """Read the pictures, learn where that is wanted, judge the files that will serve, and encode the shop.

    Raises NoImageEncoderError, ImageEncoderMissingError and NotEnoughDataError.
    """
    name = app_settings.IMAGE_ENCODER
    if not name:
        raise NoImageEncoderError()
    pictures, faults = _read_all(run)
    held_out = _held_out(len(pictures), run.random_state)
    encoder, facts = _fit(run, name, pictures, held_out)
    run.report(0.75, _("Writing the model's files"))
    folder = _export(encoder, run.folder / "artifact")
    served: Any = load_predictor(folder)
    run.report(0.8, _("Encoding pictures"))
    vectors = _encode(run, served, pictures)
    key = f"{picture_vectors.KEY_PREFIX}{name[-40:]}:{hashlib.sha256(vectors.tobytes()).hexdigest()[:12]}"
    _store(key, pictures, vectors)
    run.report(0.95, _("Judging"))
    queries, at = _searched_by(pictures, held_out, run.random_state)
    live_folder = run.live_artifact()
    live: Any = load_predictor(live_folder) if live_folder else None
    picture_vectors.forget_other_image_encoders(keep=[key])
    return Candidate(
        folder=folder,
        kind="image_encoder",
        metrics=_judge(served.encode(queries), vectors, at) | _judge_words(served, vectors, pictures, at),
        baseline_metrics=_judge(_colours(queries), _colours(pictures), at),
        live_metrics=_judge(live.encode(queries), live.encode(pictures), at) if live else {},
        data_fingerprint=_fingerprint(pictures),
        hyperparameters=dict(run.hyperparameters),
        card={
            "intended_use": _("Finding this shop's items by pictures. Not for recognising people."),
            "base_model": "" if name == SMALL else name,
            "base_model_licence": "" if name == SMALL else licence_of(name),
            KEY: key,
            N_FEATURES: int(vectors.shape[1]),
            "data": {"n_pictures": len(pictures), "n_unreadable": dict(faults)},
            "split": {
                "n_test_cases": len(at), "n_held_out": len(held_out),
                "protocol": "a cut, mirrored, turned copy in another light finds the picture it was made of",
            },
            **facts,
        },
    )  # fmt: skip


# -- pictures -------------------------------------------------------------------------------------


def _read_all(run: Run) -> tuple[Pictures, Counter[str]]:
    """Copy the pictures of all items on offer; what a killed run has read already is not read again."""
    folder = run.folder / "pictures"
    folder.mkdir(exist_ok=True)
    wanted = [shown for shown in _items() if shown.url]
    n_most = int(run.hyperparameters.get("max_pictures", 20_000))
    wanted, faults = wanted[-n_most:], Counter[str]()
    for start in range(0, len(wanted), READ_AT_ONCE):
        some = wanted[start : start + READ_AT_ONCE]
        missing = {str(one.key): one for one in some if not (folder / f"{one.key}.png").exists()}
        read, unread = picture_vectors.read_pictures(
            [ItemPicture(key, one.url) for key, one in missing.items()]
        )
        for key, picture in read.items():
            unfinished = folder / f"{key}.part"
            picture.save(unfinished, "PNG", compress_level=1)
            unfinished.rename(folder / f"{key}.png")
        faults += unread
        run.report(0.3 * (start + len(some)) / len(wanted), _("Reading the pictures of items"))
    shown = [one for one in wanted if (folder / f"{one.key}.png").exists()]
    if len(shown) < MIN_PICTURES:
        raise NotEnoughDataError(have=len(shown), need=MIN_PICTURES, unit=_("pictures that can be read"))
    return Pictures(folder, shown), faults


def _items() -> Iterator[Shown]:
    columns = ("pk", "storefront", "external_id", "image_urls", *TEXT_COLUMNS)
    for row in Item.objects.filter(is_active=True).order_by("pk").values(*columns).iterator():
        url = str(row["image_urls"][0]) if row["image_urls"] else ""
        text = item_text(**{name: row[name] for name in TEXT_COLUMNS})
        yield Shown(row["pk"], row["storefront"], row["external_id"], url, text)


def _fingerprint(pictures: Pictures) -> str:
    digest = hashlib.sha256()
    for one in pictures.shown:
        digest.update(f"{one.key} {picture_digest(one.url)} {one.text}\0".encode())
    return digest.hexdigest()


# -- learning -------------------------------------------------------------------------------------


def _held_out(n_pictures: int, random_state: int) -> np.ndarray:
    n = max(LEAST_HELD_OUT, int(HELD_OUT_SHARE * n_pictures))
    return np.sort(np.random.default_rng(random_state).permutation(n_pictures)[: min(n, n_pictures // 2)])


def _fit(
    run: Run, name: str, pictures: Pictures, held_out: np.ndarray
) -> tuple["PretrainedImageEncoder", dict[str, Any]]:
    """Return the encoder; what was published stays where it finds held-out pictures no worse."""
    from ecomai.learning.encoders.images import PretrainedImageEncoder
    from ecomai.learning.encoders.small_images import SmallImageEncoder
    from ecomai.learning.exceptions import MissingEncoderError

    seed, n_epochs = run.random_state, int(run.hyperparameters.get("max_epochs", 0))
    learned = pictures.some(np.setdiff1d(np.arange(len(pictures)), held_out))
    if name == SMALL:
        n_epochs = int(run.hyperparameters.get("small_epochs", 0))
        n_epochs = n_epochs or min(max(SMALL_VIEWS // len(learned), LEAST_EPOCHS), MOST_EPOCHS)
        small = SmallImageEncoder(max_epochs=n_epochs, random_state=seed)
        return _teach(run, small, learned), {"n_epochs": n_epochs}
    try:
        published = PretrainedImageEncoder(name, random_state=seed).fit(learned, _texts(learned))
    except MissingEncoderError as error:
        raise ImageEncoderMissingError(encoder=name) from error
    if not n_epochs:
        return published, {}
    taught = _teach(run, PretrainedImageEncoder(name, max_epochs=n_epochs, random_state=seed), learned)
    before, after = (_recall_of(encoder, pictures, held_out, seed) for encoder in (published, taught))
    facts = {"n_epochs": n_epochs, "recall@1_before": before, "recall@1_after": after}
    return (taught if after > before else published), {**facts, "is_kept": after > before}


def _teach(run: Run, encoder: "PretrainedImageEncoder", learned: Pictures) -> "PretrainedImageEncoder":
    return encoder.fit(
        learned, _texts(learned), checkpoint_folder=run.folder / "learning",
        callbacks=[ReportTo(run, start=0.3, end=0.75, message=_("Learning from pictures"))],
    )  # fmt: skip


def _texts(pictures: Pictures) -> list[str]:
    return [one.text for one in pictures.shown]


def _export(encoder: "PretrainedImageEncoder", folder: Path) -> Path:
    from ecomai.learning.export.image_encoder import export_image_encoder

    shutil.rmtree(folder, ignore_errors=True)
    return export_image_encoder(encoder, folder)


def _encode(run: Run, served: Encodes, pictures: Pictures) -> np.ndarray:
    parts = []
    for start in range(0, len(pictures), READ_AT_ONCE):
        parts.append(served.encode(pictures[start : start + READ_AT_ONCE]))
        run.report(0.8 + 0.15 * start / len(pictures), _("Encoding pictures"))
    return np.concatenate(parts)


def _store(key: str, pictures: Pictures, vectors: np.ndarray) -> None:
    """Store the vectors, so that they are there when the version begins to serve."""
    for storefront in sorted({one.storefront for one in pictures.shown}):
        rows = [row for row, one in enumerate(pictures.shown) if one.storefront == storefront]
        ids = [pictures.shown[row].item_id for row in rows]
        store_vectors(
            entity="item", encoder=key, storefront=storefront,
            vectors=dict(zip(ids, vectors[rows], strict=True)),
            text_digests={
                pictures.shown[row].item_id: picture_digest(pictures.shown[row].url) for row in rows
            },
        )  # fmt: skip


# -- judging --------------------------------------------------------------------------------------


def _searched_by(
    pictures: Pictures, held_out: np.ndarray, random_state: int
) -> tuple[list[Image.Image], np.ndarray]:
    """Return changed copies of pictures, first those that nothing learned from, and which they are."""
    from ecomai.learning.encoders.augmentation import changed

    rng = np.random.default_rng(random_state)
    others = rng.permutation(np.setdiff1d(np.arange(len(pictures)), held_out))
    at = np.concatenate([held_out, others])[:MAX_JUDGED]
    return [changed(pictures[int(row)], rng, CHANGE) for row in at], at


def _judge(queries: np.ndarray, vectors: np.ndarray, at: np.ndarray) -> dict[str, float]:
    scores = queries @ vectors.T
    ranks = (scores > scores[np.arange(len(at)), at][:, None]).sum(axis=1)
    return {
        "recall@1": float(np.mean(ranks == 0)),
        f"recall@{K}": float(np.mean(ranks < K)),
        "mrr": float(np.mean(1 / (1 + ranks))),
    }


def _judge_words(
    served: Encodes, vectors: np.ndarray, pictures: Pictures, at: np.ndarray
) -> dict[str, float]:
    judged = _judge(served.encode_texts(_texts(pictures.some(at))), vectors, at)
    return {f"words_{name}": value for name, value in judged.items()}


def _recall_of(encoder: Encodes, pictures: Pictures, held_out: np.ndarray, random_state: int) -> float:
    queries, at = _searched_by(pictures.some(held_out), np.arange(len(held_out)), random_state)
    return _judge(encoder.encode(queries), encoder.encode(pictures.some(held_out)), at)["recall@1"]


def _colours(pictures: Sequence[Image.Image]) -> np.ndarray:
    """Return what the baseline sees: the colours of a coarse grid, counted from the middle."""
    pixels = np.array(
        [np.asarray(picture.resize((GRID, GRID), Image.Resampling.BOX), dtype=np.float32).ravel() / 255 - 0.5
         for picture in pictures]
    )  # fmt: skip
    return pixels / np.maximum(np.linalg.norm(pixels, axis=1, keepdims=True), 1e-6)


def licence_of(source: str) -> str:
    """Return the licence that a published model's own page states, or nothing where it states none."""
    from transformers.utils import cached_file

    try:
        page = cached_file(source, "README.md", local_files_only=True)
    except OSError:
        return ""
    head = Path(page).read_text(encoding="utf-8", errors="replace")[:5000] if page else ""
    found = re.search(r"^license:\s*[\"']?([\w.+-]+)", head, re.MULTILINE)
    return found[1] if found else ""
