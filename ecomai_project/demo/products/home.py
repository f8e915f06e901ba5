"""Home and living."""

from ecomai_project.demo.catalogue_types import Brand, Department, Option, ProductType, Text

LIGHT = Text("Lighting", "灯具")
TEXTILES = Text("Textiles", "布艺")
DECOR = Text("Decoration", "装饰")
HEIGHT = Text("height", "高度")
SIZE = Text("size", "尺寸")

DEPARTMENT = Department(
    code="HL",
    name=Text("Home & Living", "家居生活"),
    brands=(
        Brand("Lumen Hus", "光屋", 0.8),
        Brand("Studio Alder", "赤杨工作室", 0.9),
        Brand("Wool & Weft", "羊毛与纬线", 0.6),
        Brand("Papaver", "虞美人", 0.4),
        Brand("Plainly", "素然", 0.15),
    ),
    types=(
        ProductType(
            key="table_lamp",
            makers=(0, 1, 4),
            shelf=LIGHT,
            leaf=Text("Table lamps", "台灯"),
            noun=Text("Table Lamp", "台灯"),
            models=Text("Dusk/Toadstool/Halo/Reader", "薄暮/蘑菇/光环/夜读"),
            option_name=HEIGHT,
            options=(
                Option("32 cm", "32厘米", 0.8),
                Option("45 cm", "45厘米"),
                Option("58 cm", "58厘米", 1.3),
            ),
            materials=(
                Text("ceramic", "陶瓷"),
                Text("ash wood", "白蜡木"),
                Text("powder-coated steel", "喷涂钢材"),
            ),
            colours="mustard teal white black coral rose",
            price=(29, 159),
            first=(
                Text(
                    "A warm pool of light for the bedside or the corner of the sofa.",
                    "床头或沙发一角，一片温暖的光。",
                ),
                Text("The {model} softens a room the moment it is lit.", "{model}一亮，整个房间都柔和下来。"),
            ),
            second=(
                Text(
                    "Base of {material}, {option} high, with a linen shade in {colour}.",
                    "{material}底座，高{option}，{colour}亚麻灯罩。",
                ),
                Text(
                    "{option} high with a dimmer in the cord; bulb E27 not included.",
                    "高{option}，线控调光，E27灯泡需另购。",
                ),
            ),
            peak_month=11,
        ),
        ProductType(
            key="floor_lamp",
            makers=(0, 1),
            shelf=LIGHT,
            leaf=Text("Floor lamps", "落地灯"),
            noun=Text("Floor Lamp", "落地灯"),
            models=Text("Heron/Arc/Tripod", "苍鹭/弧光/三脚"),
            option_name=HEIGHT,
            options=(Option("145 cm", "145厘米", 0.9), Option("165 cm", "165厘米")),
            colours="black white mustard copper",
            price=(79, 299),
            first=(
                Text(
                    "Bends over your reading chair and lights the page, not the room.",
                    "俯身照亮书页，而不打扰整个房间。",
                ),
                Text(
                    "A slim line in {colour} that fills a dark corner.",
                    "一道{colour}的纤细线条，点亮昏暗角落。",
                ),
            ),
            second=(
                Text(
                    "{option} high on a heavy foot; takes an E27 bulb.", "高{option}，底座稳重，适用E27灯泡。"
                ),
                Text("Head and arm turn freely at {option}.", "高{option}，灯头与灯臂可自由转动。"),
            ),
            n_items=7,
            peak_month=11,
            return_rate=0.07,
            demand=0.6,
        ),
        ProductType(
            key="light_bulb",
            makers=(0, 4),
            shelf=LIGHT,
            leaf=Text("Bulbs", "灯泡"),
            noun=Text("LED Bulb E27", "E27 LED灯泡"),
            models=Text("Filament/Globe/Soft White", "灯丝/球形/柔白"),
            option_name=Text("output", "亮度"),
            options=(
                Option("470 lm", "470流明", 0.8),
                Option("806 lm", "806流明"),
                Option("806 lm, 3 pack", "806流明三只装", 2.5),
            ),
            colours="amber white mustard",
            price=(5, 14),
            first=(
                Text("Warm light at 2700 kelvin, without flicker.", "2700K暖光，无频闪。"),
                Text(
                    "Looks like an old filament bulb and uses a tenth of the power.",
                    "外形如老式灯丝灯泡，耗电仅十分之一。",
                ),
            ),
            second=(
                Text("{option}, dimmable, made for fifteen years.", "{option}，可调光，寿命约十五年。"),
                Text("With {option} it suits table and floor lamps.", "{option}，台灯与落地灯皆宜。"),
            ),
            n_items=6,
            repeat_days=120,
            return_rate=0.01,
            demand=0.7,
            shows_colour=False,
        ),
        ProductType(
            key="cushion",
            makers=(2, 3, 4),
            shelf=TEXTILES,
            leaf=Text("Cushions", "抱枕"),
            noun=Text("Cushion", "抱枕"),
            models=Text("Meadow/Stripe/Boucle/Dune", "草甸/条纹/圈圈绒/沙丘"),
            option_name=SIZE,
            options=(Option("40 × 40 cm", "40×40厘米", 0.85), Option("50 × 50 cm", "50×50厘米")),
            materials=(Text("linen", "亚麻"), Text("organic cotton", "有机棉"), Text("velvet", "天鹅绒")),
            colours="mustard teal coral sand plum olive",
            price=(15, 59),
            first=(
                Text("Soft {material} that looks good sat upon.", "柔软{material}，坐靠都好看。"),
                Text("A dash of {colour} for sofa and bed.", "为沙发和床添一抹{colour}。"),
            ),
            second=(
                Text(
                    "{option}, filled with recycled down; the cover comes off for washing.",
                    "{option}，再生羽绒填充，外套可拆洗。",
                ),
                Text("Woven in Portugal from {material}; {option}.", "葡萄牙织造{material}，{option}。"),
            ),
            n_items=11,
            demand=1.1,
        ),
        ProductType(
            key="throw",
            makers=(2, 4),
            shelf=TEXTILES,
            leaf=Text("Throws", "盖毯"),
            noun=Text("Throw", "盖毯"),
            models=Text("Highland/Waffle/Fireside", "高地/华夫格/炉边"),
            option_name=SIZE,
            options=(Option("130 × 170 cm", "130×170厘米"), Option("150 × 200 cm", "150×200厘米", 1.3)),
            materials=(Text("lambswool", "羔羊毛"), Text("cotton", "棉"), Text("recycled wool", "再生羊毛")),
            colours="olive cream navy rose grey",
            price=(35, 149),
            first=(
                Text("For the evening when the heating is not yet on.", "暖气未开的夜晚，正需要它。"),
                Text("Light, warm {material} with a hand-knotted fringe.", "轻暖{material}，手工打结流苏。"),
            ),
            second=(
                Text(
                    "{option} in {colour}; a cool wash keeps it soft.",
                    "{option}，{colour}，冷水洗涤保持柔软。",
                ),
                Text("Large enough for two at {option}.", "{option}，两个人盖也够。"),
            ),
            peak_month=12,
            n_items=8,
        ),
        ProductType(
            key="vase",
            makers=(1, 3, 4),
            shelf=DECOR,
            leaf=Text("Vases", "花瓶"),
            noun=Text("Vase", "花瓶"),
            models=Text("Gourd/Column/Bud/Amphora", "葫芦/圆柱/花蕾/双耳"),
            option_name=HEIGHT,
            options=(
                Option("18 cm", "18厘米", 0.75),
                Option("26 cm", "26厘米"),
                Option("34 cm", "34厘米", 1.35),
            ),
            materials=(Text("stoneware", "炻瓷"), Text("blown glass", "吹制玻璃")),
            colours="teal rose white mustard plum",
            price=(14, 79),
            first=(
                Text("Looks finished with a single branch, or with none.", "插一枝就好看，空着也好看。"),
                Text(
                    "Made by hand of {material}, with a glaze that breaks over the edges.",
                    "{material}手工制作，釉色在边缘流转。",
                ),
            ),
            second=(
                Text("{option} high and watertight.", "高{option}，不渗水。"),
                Text(
                    "The {colour} tone changes with the light; {option} high.",
                    "{colour}随光线变化，高{option}。",
                ),
            ),
        ),
        ProductType(
            key="candle",
            makers=(3, 4, 1),
            shelf=DECOR,
            leaf=Text("Candles", "香薰蜡烛"),
            noun=Text("Scented Candle", "香薰蜡烛"),
            models=Text("Pine Walk/Fig Tree/Clean Linen/Orange Peel", "松林小径/无花果/净棉/橙皮"),
            option_name=Text("burning time", "燃烧时间"),
            options=(Option("30 h", "30小时", 0.7), Option("55 h", "55小时")),
            materials=(Text("soy wax", "大豆蜡"), Text("beeswax", "蜂蜡")),
            colours="green plum white orange rose",
            price=(9, 36),
            first=(
                Text(
                    "The scent of {model}, quiet enough for the dinner table.",
                    "{model}的气息，淡雅得可以摆上餐桌。",
                ),
                Text("{model} in pure wax, poured by hand.", "纯蜡手工浇注的{model}香气。"),
            ),
            second=(
                Text(
                    "Burns about {option} with a cotton wick, in a glass to use again.",
                    "棉芯约可燃{option}，玻璃杯可再利用。",
                ),
                Text("Made of {material}; burns for {option}.", "{material}制成，可燃{option}。"),
            ),
            repeat_days=45,
            peak_month=12,
            return_rate=0.01,
            demand=1.1,
        ),
    ),
)
