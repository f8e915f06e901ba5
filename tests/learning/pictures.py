"""The demo shop's drawn pictures, and small models of both kinds that read pictures."""

from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import resvg_py
from PIL import Image
from transformers import CLIPConfig, CLIPModel, SiglipConfig, SiglipModel

from ecomai.inference.pictures import Preparation, open_picture
from ecomai.learning.devices import seeded
from ecomai.learning.encoders.images import write_model
from ecomai.learning.encoders.small_images import learn_words
from ecomai_project.demo.catalogue import DemoItem, build_catalogue
from ecomai_project.demo.drawings import draw_item
from recommendations.texts import item_text

#: Learns some drawn products by heart within some seconds.
QUICK = {"max_epochs": 100, "batch_size": 20, "learning_rate": 3e-3, "device": "cpu"}


def demo_products(n: int) -> list[DemoItem]:
    """Return products from all over the demo shop."""
    items = build_catalogue(
        language="en", until=datetime(2026, 6, 1, tzinfo=UTC), rng=np.random.default_rng(0)
    )
    return [items[place] for place in np.linspace(0, len(items) - 1, n).astype(int)]


def draw(item: DemoItem, side: int = 120) -> bytes:
    """Return the picture of a demo product as PNG."""
    drawn = resvg_py.svg_to_bytes(svg_string=draw_item(item), width=side, height=side, skip_system_fonts=True)
    return bytes(drawn)


def pictures_and_texts(n: int) -> tuple[list[Image.Image], list[str]]:
    items = demo_products(n)
    texts = [
        item_text(
            title=item.title, category_path=item.category_path, brand=item.brand,
            attributes=item.attributes, description=item.description,
        )
        for item in items
    ]  # fmt: skip
    return [open_picture(draw(item)) for item in items], texts


def share_that_finds_its_own(queries: np.ndarray, vectors: np.ndarray) -> float:
    """Return how many rows are most like the row of the same number."""
    return float(np.mean(np.argmax(queries @ vectors.T, axis=1) == np.arange(len(vectors))))


def write_tiny_pair(folder: Path, kind: str) -> str:
    """Write a random CLIP or SigLIP, as a published one would lie there."""
    tokenizer = learn_words(["red dress", "blue mug", "lamp"])
    text = {"vocab_size": 64, "max_position_embeddings": 12, "hidden_size": 16, "intermediate_size": 32}
    text |= {"num_hidden_layers": 1, "num_attention_heads": 2, "pad_token_id": 0, "eos_token_id": 3}
    sight = {"hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2}
    sight |= {"image_size": 32, "patch_size": 16}
    with seeded(0):
        if kind == "clip":
            model = CLIPModel(CLIPConfig(text_config=text, vision_config=sight, projection_dim=16))
        else:
            model = SiglipModel(SiglipConfig(text_config=text, vision_config=sight))
    shortest = 32 if kind == "clip" else 0
    middle = (0.4, 0.5, 0.6)
    write_model(model, tokenizer, Preparation(32, 32, shortest, 3, 1 / 255, middle, middle), folder)
    return str(folder)
