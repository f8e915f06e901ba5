"""The demo shop's catalogue: product types become items with titles, prices, stock and attributes."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

import numpy as np

from .catalogue_types import COLOURS, Department, Language, Option, ProductType, Text
from .products import DEPARTMENTS

COLOUR_LABEL = Text("colour", "颜色")
MATERIAL_LABEL = Text("material", "材质")
NEWCOMER_DAYS = 9
CNY_PER_EURO = 5.2  # what such things cost there, not the rate of exchange


@dataclass(frozen=True, kw_only=True, eq=False)
class DemoItem:
    """An item as exported, and what the simulation and the drawings know of it."""

    external_id: str
    type: ProductType
    department: Department
    title: str
    description: str
    category_path: str
    brand: str
    attributes: dict[str, str]
    price: Decimal
    stock: int
    is_active: bool
    listed_at: datetime
    is_newcomer: bool
    model: str
    colour: str
    option: int
    price_position: float
    popularity: float
    brand_key: str


def build_catalogue(*, language: Language, until: datetime, rng: np.random.Generator) -> list[DemoItem]:
    """Return every item of the shop; the same generator state gives the same items."""
    return [
        item
        for department in DEPARTMENTS
        for product in department.types
        for item in _items_of_type(product, department, language, until, rng)
    ]


def _items_of_type(
    product: ProductType,
    department: Department,
    language: Language,
    until: datetime,
    rng: np.random.Generator,
) -> Iterator[DemoItem]:
    models = product.models.of(language).split("/")
    makers = product.makers or tuple(range(len(department.brands)))
    dearness = rng.uniform(0, 1, len(models))
    # Of every third type the last item has just been listed: nobody has bought it yet.
    newcomer = product.n_items - 1 if rng.random() < 0.3 else -1
    for place, (model_at, option_at, colour) in enumerate(_variants(product, len(models))):
        brand = department.brands[makers[model_at % len(makers)]]
        option = product.options[option_at]
        position = 0.65 * brand.level + 0.35 * float(dearness[model_at])
        words = _words(product, brand.of(language), models[model_at], option, colour, place, language)
        is_newcomer = place == newcomer
        yield DemoItem(
            external_id=f"{department.code}-{_code(product.key)}-{place + 1:02d}",
            type=product,
            department=department,
            title=_title(words, product, language),
            description=_description(words, product, place, language),
            category_path=" > ".join(
                text.of(language) for text in (department.name, product.shelf, product.leaf)
            ),
            brand=words["brand"],
            attributes=_attributes(words, product, language),
            price=_price(product, position, option.factor, language),
            stock=_stock(product, rng, is_newcomer),
            is_active=bool(rng.random() > 0.015) or is_newcomer,
            listed_at=_listed_at(until, rng, is_newcomer),
            is_newcomer=is_newcomer,
            model=models[model_at],
            colour=colour,
            option=option_at,
            price_position=position,
            popularity=float(rng.lognormal(0, 0.7)),
            brand_key=brand.en,
        )


def _variants(product: ProductType, n_models: int) -> Iterator[tuple[int, int, str]]:
    """Yield (model, option, colour) in an order that mixes them, none twice, as many as there are."""
    colours = product.colours.split()
    seen: set[tuple[int, int, str]] = set()
    for place in range(40 * product.n_items):
        if len(seen) == product.n_items:
            return
        model, round_ = place % n_models, place // n_models
        option = (model + round_) % len(product.options)
        colour = colours[(2 * model + round_ + round_ // len(colours)) % len(colours)]
        if not product.shows_colour:
            colour = colours[model % len(colours)]
            option = round_ % len(product.options)
        if (model, option, colour) not in seen:
            seen.add((model, option, colour))
            yield model, option, colour


def _code(key: str) -> str:
    parts = key.split("_")
    return (parts[0][:3] + "".join(part[:2] for part in parts[1:])).upper()


def _words(
    product: ProductType, brand: str, model: str, option: Option, colour: str, place: int, language: Language
) -> dict[str, str]:
    material = product.materials[place % len(product.materials)].of(language) if product.materials else ""
    shown = COLOURS[colour].of(language)
    return {
        "brand": brand,
        "model": model,
        "option": option.of(language),
        "colour": shown,
        "colour_in_text": shown.lower(),
        "material": material,
    }


def _title(words: dict[str, str], product: ProductType, language: Language) -> str:
    noun = product.noun.of(language)
    if language == "zh":
        tail = f" {words['colour']}" if product.shows_colour else ""
        return f"{words['brand']} {words['model']}{noun} {words['option']}{tail}"
    tail = f", {words['colour']}" if product.shows_colour else ""
    return f"{words['brand']} {words['model']} {noun}, {words['option']}{tail}"


def _description(words: dict[str, str], product: ProductType, place: int, language: Language) -> str:
    named = {**words, "colour": words["colour_in_text"]}
    first = product.first[place % len(product.first)].of(language).format(**named)
    second = product.second[(place // 2) % len(product.second)].of(language).format(**named)
    if language == "zh":
        return first + second
    return f"{first[0].upper()}{first[1:]} {second[0].upper()}{second[1:]}"


def _attributes(words: dict[str, str], product: ProductType, language: Language) -> dict[str, str]:
    attributes = {product.option_name.of(language): words["option"]}
    if product.shows_colour:
        attributes[COLOUR_LABEL.of(language)] = words["colour"]
    if words["material"]:
        attributes[MATERIAL_LABEL.of(language)] = words["material"]
    return attributes


def _price(product: ProductType, position: float, factor: float, language: Language) -> Decimal:
    """Return a price as shops write them: 8.49, 24.90, 189.00 or, in yuan, 39.9 and 269."""
    low, high = product.price
    amount = low * (high / low) ** position * factor
    if language == "zh":
        amount *= CNY_PER_EURO
        return (
            Decimal(round(amount) - 1) + Decimal("0.90")
            if amount < 100
            else Decimal(round(amount / 10) * 10 - 1)
        )
    if amount < 10:
        return Decimal(round(amount * 2)) / 2 - Decimal("0.01")
    if amount < 100:
        return Decimal(round(amount)) - Decimal("0.10")
    return Decimal(round(amount / 5) * 5 - 1)


def _stock(product: ProductType, rng: np.random.Generator, is_newcomer: bool) -> int:
    chance = rng.random()
    if chance < 0.06 and not is_newcomer:
        return 0
    if chance < 0.15:
        return int(rng.integers(1, 5))
    return int(rng.integers(8, 40 if product.price[0] > 50 else 180))


def _listed_at(until: datetime, rng: np.random.Generator, is_newcomer: bool) -> datetime:
    if is_newcomer:
        days = float(rng.uniform(0.5, NEWCOMER_DAYS))
    elif rng.random() < 0.75:
        days = float(rng.uniform(380, 900))
    else:
        days = float(rng.uniform(30, 330))
    return until - timedelta(days=days)
