"""What customers of the demo shop want: interests, and what they buy after what."""

from typing import Literal, NamedTuple


class Journey(NamedTuple):
    """Who bought `first` comes back for `then` after about `days`; `match` is what the second must share."""

    first: str
    then: str
    probability: float
    days: float
    match: Literal["", "brand", "option", "colour"] = ""


JOURNEYS = (
    Journey("espresso_machine", "espresso_beans", 0.85, 5, "brand"),
    Journey("espresso_machine", "coffee_grinder", 0.4, 25, "brand"),
    Journey("espresso_machine", "descaler", 0.6, 70),
    Journey("coffee_grinder", "espresso_beans", 0.6, 6),
    Journey("espresso_beans", "mug", 0.12, 15),
    Journey("dripper", "paper_filters", 0.85, 3),
    Journey("dripper", "filter_beans", 0.75, 4, "brand"),
    Journey("filter_beans", "paper_filters", 0.25, 20),
    Journey("teapot", "loose_tea", 0.85, 4, "brand"),
    Journey("loose_tea", "mug", 0.15, 12),
    Journey("loose_tea", "teapot", 0.1, 25),
    Journey("chef_knife", "whetstone", 0.55, 40),
    Journey("frying_pan", "cooking_pot", 0.35, 30, "brand"),
    Journey("stand_mixer", "cake_tin", 0.75, 7, "brand"),
    Journey("cake_tin", "stand_mixer", 0.12, 30, "brand"),
    Journey("cooking_pot", "bowl", 0.25, 20, "colour"),
    Journey("table_lamp", "light_bulb", 0.75, 3),
    Journey("floor_lamp", "light_bulb", 0.75, 3),
    Journey("cushion", "throw", 0.45, 14, "colour"),
    Journey("throw", "candle", 0.35, 10),
    Journey("vase", "candle", 0.3, 10, "colour"),
    Journey("house_plant", "planter", 0.7, 6),
    Journey("planter", "fertiliser", 0.5, 20),
    Journey("house_plant", "watering_can", 0.3, 15),
    Journey("seeds", "planter", 0.35, 10),
    Journey("seeds", "fertiliser", 0.4, 25),
    Journey("secateurs", "seeds", 0.3, 20),
    Journey("running_shoes", "running_socks", 0.65, 6, "colour"),
    Journey("running_shoes", "energy_bar", 0.5, 14, "brand"),
    Journey("running_socks", "bottle", 0.2, 15),
    Journey("tent", "sleeping_bag", 0.75, 6, "brand"),
    Journey("sleeping_bag", "headlamp", 0.6, 8),
    Journey("headlamp", "bottle", 0.3, 12),
    Journey("yoga_mat", "yoga_block", 0.6, 10, "colour"),
    Journey("yoga_block", "bottle", 0.3, 15, "colour"),
    Journey("headphones", "cable", 0.35, 12, "colour"),
    Journey("speaker", "cable", 0.3, 10, "colour"),
    Journey("keyboard", "mouse", 0.65, 7, "colour"),
    Journey("mouse", "cable", 0.25, 15, "colour"),
    Journey("power_bank", "cable", 0.55, 4, "colour"),
    Journey("instant_camera", "instant_film", 0.92, 3, "option"),
    Journey("cleanser", "serum", 0.45, 12, "brand"),
    Journey("serum", "sunscreen", 0.35, 15),
    Journey("soap", "hand_cream", 0.3, 12, "brand"),
    Journey("razor", "razor_blades", 0.92, 8),
    Journey("tshirt", "tote_bag", 0.15, 12, "colour"),
    Journey("sweater", "scarf", 0.4, 10, "colour"),
    Journey("rain_jacket", "backpack", 0.3, 14, "colour"),
    Journey("watch", "scarf", 0.1, 20),
    Journey("fountain_pen", "ink", 0.9, 4, "brand"),
    Journey("fountain_pen", "notebook", 0.55, 8),
    Journey("ink", "notebook", 0.2, 12),
    Journey("watercolours", "brushes", 0.7, 5, "brand"),
    Journey("brushes", "sketchbook", 0.6, 7),
)

# Interest -> what a person with it looks for, with weights. Later parts of a journey weigh little here:
# they are mostly bought because of what came before.
INTERESTS: dict[str, dict[str, float]] = {
    "espresso": {"espresso_machine": 3, "espresso_beans": 3, "coffee_grinder": 2, "mug": 1, "descaler": 0.3},
    "filter coffee": {"dripper": 3, "filter_beans": 3, "coffee_grinder": 1, "paper_filters": 0.5, "mug": 1},
    "tea": {"teapot": 3, "loose_tea": 4, "mug": 1.5},
    "cooking": {"frying_pan": 3, "cooking_pot": 2, "chef_knife": 3, "bowl": 2, "whetstone": 0.4},
    "baking": {"stand_mixer": 2.5, "cake_tin": 3, "bowl": 1},
    "light": {"table_lamp": 3, "floor_lamp": 2, "light_bulb": 0.6, "vase": 1},
    "cosy home": {"cushion": 3, "throw": 2, "candle": 3, "vase": 2, "table_lamp": 1},
    "house plants": {"house_plant": 4, "planter": 2, "watering_can": 1, "fertiliser": 0.7},
    "gardening": {"seeds": 4, "secateurs": 2, "watering_can": 1, "planter": 1, "fertiliser": 0.6},
    "running": {"running_shoes": 4, "energy_bar": 2, "running_socks": 0.8, "bottle": 1},
    "camping": {"tent": 3, "sleeping_bag": 1.5, "headlamp": 1, "bottle": 1, "rain_jacket": 1},
    "yoga": {"yoga_mat": 3, "yoga_block": 0.8, "bottle": 1, "candle": 0.7},
    "music": {"headphones": 4, "speaker": 3, "cable": 0.4},
    "desk": {"keyboard": 3, "mouse": 1, "power_bank": 1.5, "cable": 0.6, "notebook": 1},
    "photography": {"instant_camera": 3, "instant_film": 1.5, "backpack": 0.7, "power_bank": 0.7},
    "skin care": {"cleanser": 3, "serum": 3, "sunscreen": 1.5, "hand_cream": 1.5, "soap": 1},
    "shaving": {"razor": 3, "razor_blades": 1.5, "soap": 1.5},
    "clothes": {"tshirt": 4, "sweater": 3, "rain_jacket": 1.5, "scarf": 1.5},
    "bags and watches": {"backpack": 3, "tote_bag": 3, "watch": 3, "scarf": 1},
    "writing": {"fountain_pen": 3, "ink": 1, "notebook": 3},
    "painting": {"watercolours": 3, "brushes": 1, "sketchbook": 2, "notebook": 0.5},
}

# What its fans are, in parts of the whole: some interests are common, some rare.
INTEREST_SHARES = {
    "espresso": 1.3, "filter coffee": 0.9, "tea": 1.0, "cooking": 1.2, "baking": 0.8,
    "light": 0.7, "cosy home": 1.2, "house plants": 1.1, "gardening": 0.8, "running": 1.2,
    "camping": 0.8, "yoga": 0.8, "music": 1.0, "desk": 0.9, "photography": 0.7,
    "skin care": 1.2, "shaving": 0.6, "clothes": 1.4, "bags and watches": 0.9, "writing": 0.8,
    "painting": 0.6,
}  # fmt: skip
