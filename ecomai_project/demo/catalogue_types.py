"""What a demo department, brand and product type are made of, in two languages."""

from dataclasses import dataclass
from typing import Literal, NamedTuple

Language = Literal["en", "zh"]


class Text(NamedTuple):
    """The same words in both languages of the demo shop."""

    en: str
    zh: str

    def of(self, language: Language) -> str:
        return self.zh if language == "zh" else self.en


class Option(NamedTuple):
    """One value of the attribute that tells variants apart, and what it does to the price."""

    en: str
    zh: str
    factor: float = 1.0

    def of(self, language: Language) -> str:
        return self.zh if language == "zh" else self.en


class Brand(NamedTuple):
    """A brand; `level` runs from 0 (cheap) to 1 (dear)."""

    en: str
    zh: str
    level: float

    def of(self, language: Language) -> str:
        return self.zh if language == "zh" else self.en


class Colour(NamedTuple):
    en: str
    zh: str
    hex: str

    def of(self, language: Language) -> str:
        return self.zh if language == "zh" else self.en


@dataclass(frozen=True, kw_only=True)
class ProductType:
    """A kind of product; its key names the drawing too.

    `models` are words separated by “/”. Sentences may name {model}, {colour}, {material} and {option}.
    `makers` are the places of the brands in the department (none: all of them).
    `repeat_days` is after how many days it is used up (0: it lasts). `peak_month` is when it sells best
    (0: no season). `return_rate` is the share of units that come back.
    """

    key: str
    shelf: Text
    leaf: Text
    noun: Text
    models: Text
    option_name: Text
    options: tuple[Option, ...]
    colours: str
    price: tuple[float, float]
    first: tuple[Text, ...]
    second: tuple[Text, ...]
    makers: tuple[int, ...] = ()
    materials: tuple[Text, ...] = ()
    n_items: int = 9
    repeat_days: int = 0
    peak_month: int = 0
    return_rate: float = 0.03
    demand: float = 1.0
    shows_colour: bool = True


@dataclass(frozen=True, kw_only=True)
class Department:
    code: str
    name: Text
    brands: tuple[Brand, ...]
    types: tuple[ProductType, ...]


COLOURS = {
    "black": Colour("Black", "黑色", "#2f3136"),
    "white": Colour("White", "白色", "#f4f1ea"),
    "cream": Colour("Cream", "奶油色", "#efe0c2"),
    "steel": Colour("Steel", "银色", "#b8bfc6"),
    "copper": Colour("Copper", "铜色", "#c77b4f"),
    "red": Colour("Red", "红色", "#c8423b"),
    "coral": Colour("Coral", "珊瑚色", "#ef7f6b"),
    "orange": Colour("Orange", "橙色", "#e98b35"),
    "mustard": Colour("Mustard", "芥末黄", "#d9a92f"),
    "olive": Colour("Olive", "橄榄绿", "#7f8a45"),
    "green": Colour("Green", "绿色", "#3f8a5d"),
    "mint": Colour("Mint", "薄荷绿", "#9fd3bd"),
    "teal": Colour("Teal", "青绿色", "#2b7f86"),
    "sky": Colour("Sky Blue", "天蓝色", "#7db5de"),
    "navy": Colour("Navy", "藏青色", "#2c416f"),
    "lilac": Colour("Lilac", "丁香紫", "#b39ad1"),
    "plum": Colour("Plum", "梅子紫", "#74406b"),
    "rose": Colour("Rose", "玫瑰粉", "#e2a3ad"),
    "sand": Colour("Sand", "沙色", "#d3bd98"),
    "brown": Colour("Brown", "棕色", "#80583a"),
    "grey": Colour("Grey", "灰色", "#83898f"),
    "amber": Colour("Amber", "琥珀色", "#b86b22"),
}
