"""Garden and plants."""

from ecomai_project.demo.catalogue_types import Brand, Department, Option, ProductType, Text

PLANTS = Text("Plants", "绿植")
CARE = Text("Plant care", "养护")
TOOLS = Text("Tools", "园艺工具")

DEPARTMENT = Department(
    code="GA",
    name=Text("Garden & Plants", "园艺绿植"),
    brands=(
        Brand("Fern & Fable", "蕨语", 0.6),
        Brand("Gardenwerk", "园艺工坊", 0.8),
        Brand("Terra Nonna", "泥土奶奶", 0.5),
        Brand("Sprout", "小芽", 0.2),
    ),
    types=(
        ProductType(
            key="house_plant",
            makers=(0, 3),
            shelf=PLANTS,
            leaf=Text("House plants", "室内绿植"),
            noun=Text("House Plant", "绿植"),
            models=Text("Monstera/Snake Plant/Rubber Fig/Pothos/Calathea", "龟背竹/虎尾兰/橡皮树/绿萝/竹芋"),
            option_name=Text("height", "株高"),
            options=(
                Option("25 cm", "25厘米", 0.6),
                Option("45 cm", "45厘米"),
                Option("80 cm", "80厘米", 2.0),
            ),
            colours="green olive teal",
            price=(12, 49),
            first=(
                Text("A {model} that forgives a forgotten watering.", "偶尔忘记浇水也不要紧的{model}。"),
                Text("Brings green to a bright corner and asks for little.", "为明亮角落添绿，要求却不多。"),
            ),
            second=(
                Text(
                    "About {option} high in a nursery pot; a cover pot is sold apart.",
                    "株高约{option}，含育苗盆，装饰盆另售。",
                ),
                Text(
                    "Grown without peat, {option} high, wrapped for the journey.",
                    "无泥炭栽培，株高{option}，运输包装完善。",
                ),
            ),
            n_items=11,
            peak_month=4,
            return_rate=0.04,
            demand=1.2,
            shows_colour=False,
        ),
        ProductType(
            key="planter",
            makers=(2, 0, 3),
            shelf=PLANTS,
            leaf=Text("Pots", "花盆"),
            noun=Text("Planter", "花盆"),
            models=Text("Terrace/Moon/Ribbed", "露台/月亮/罗纹"),
            option_name=Text("diameter", "口径"),
            options=(
                Option("14 cm", "14厘米", 0.6),
                Option("19 cm", "19厘米"),
                Option("28 cm", "28厘米", 1.7),
            ),
            materials=(
                Text("terracotta", "红陶"),
                Text("ceramic", "陶瓷"),
                Text("recycled plastic", "再生塑料"),
            ),
            colours="coral white teal sand black",
            price=(8, 39),
            first=(
                Text("Gives a favourite plant the frame it deserves.", "给心爱的植物一个相称的家。"),
                Text(
                    "A calm shape of {material}, glazed in {colour}.",
                    "{material}材质，造型沉静，{colour}外观。",
                ),
            ),
            second=(
                Text("{option} across, with a drain hole and saucer.", "口径{option}，带排水孔与托盘。"),
                Text("Frost-proof and {option} across.", "耐霜冻，口径{option}。"),
            ),
            peak_month=4,
        ),
        ProductType(
            key="watering_can",
            makers=(1, 2),
            shelf=TOOLS,
            leaf=Text("Watering", "浇水"),
            noun=Text("Watering Can", "浇水壶"),
            models=Text("Heron's Neck/Cottage/Drop", "鹤颈/小屋/水滴"),
            option_name=Text("capacity", "容量"),
            options=(Option("1 l", "1升", 0.75), Option("1.8 l", "1.8升"), Option("5 l", "5升", 1.3)),
            colours="teal copper white green rose",
            price=(12, 55),
            first=(
                Text("A long spout reaches the pot at the very back.", "长壶嘴够得到最里面的花盆。"),
                Text("Pours in a thin stream that leaves the soil where it is.", "细水流不冲散盆土。"),
            ),
            second=(
                Text("Holds {option}; powder-coated steel in {colour}.", "容量{option}，{colour}喷涂钢材。"),
                Text("Light to carry even full: {option}.", "装满{option}也轻便好提。"),
            ),
            n_items=7,
            peak_month=5,
            demand=0.8,
        ),
        ProductType(
            key="secateurs",
            makers=(1, 3),
            shelf=TOOLS,
            leaf=Text("Cutting", "修剪"),
            noun=Text("Secateurs", "修枝剪"),
            models=Text("Orchard/Bypass Pro/Rosebud", "果园/专业/玫瑰"),
            option_name=Text("cuts up to", "剪切直径"),
            options=(Option("16 mm", "16毫米", 0.8), Option("22 mm", "22毫米")),
            colours="red green orange",
            price=(14, 59),
            first=(
                Text(
                    "Clean cuts that heal quickly, from roses to apple twigs.",
                    "切口平整易愈合，玫瑰到苹果枝都能修。",
                ),
                Text(
                    "Sprung so gently that the hand stays fresh for a whole hedge.",
                    "弹簧轻柔，修完一整排树篱也不累手。",
                ),
            ),
            second=(
                Text(
                    "For twigs up to {option}; every part can be replaced.",
                    "适用{option}以内枝条，零件均可更换。",
                ),
                Text(
                    "Hardened steel, {colour} grips, up to {option}.",
                    "淬火钢刃，{colour}握柄，可剪{option}。",
                ),
            ),
            n_items=6,
            peak_month=3,
            demand=0.6,
        ),
        ProductType(
            key="fertiliser",
            makers=(0, 3),
            shelf=CARE,
            leaf=Text("Fertiliser", "肥料"),
            noun=Text("Plant Food", "植物营养液"),
            models=Text("Leafy/Bloom/Citrus", "观叶/开花/柑橘"),
            option_name=Text("content", "容量"),
            options=(
                Option("250 ml", "250毫升", 0.65),
                Option("500 ml", "500毫升"),
                Option("1 l", "1升", 1.7),
            ),
            colours="green coral orange",
            price=(6, 15),
            first=(
                Text("Strong leaves from a capful a week.", "每周一瓶盖，叶片更健壮。"),
                Text(
                    "Organic food for plants that have outgrown their soil.",
                    "为盆土耗尽养分的植物补充有机营养。",
                ),
            ),
            second=(
                Text("The {option} bottle lasts a season for ten pots.", "{option}可供十盆植物一季之用。"),
                Text(
                    "Made from sugar beet; {option} with a measuring cap.", "甜菜萃取，{option}，附计量盖。"
                ),
            ),
            n_items=7,
            repeat_days=75,
            peak_month=5,
            return_rate=0.005,
            demand=0.9,
            shows_colour=False,
        ),
        ProductType(
            key="seeds",
            makers=(3, 0),
            shelf=CARE,
            leaf=Text("Seeds", "种子"),
            noun=Text("Seeds", "种子"),
            models=Text(
                "Cherry Tomato/Basil/Wild Flower/Sunflower/Lettuce", "樱桃番茄/罗勒/野花/向日葵/生菜"
            ),
            option_name=Text("pack", "包装"),
            options=(Option("1 bag", "1包", 0.8), Option("3 bags", "3包", 2.1)),
            colours="red green lilac mustard mint",
            price=(3, 7),
            first=(
                Text("{model} for balcony, bed and windowsill.", "阳台、花坛、窗台都能种的{model}。"),
                Text("Open-pollinated {model} whose seeds you may keep.", "可自行留种的{model}。"),
            ),
            second=(
                Text("{option} with sowing notes on the back.", "{option}，背面附播种说明。"),
                Text("Organic and tested for germination; {option}.", "有机种子，经发芽率检测，{option}。"),
            ),
            n_items=10,
            repeat_days=60,
            peak_month=3,
            return_rate=0.003,
            demand=1.0,
            shows_colour=False,
        ),
    ),
)
