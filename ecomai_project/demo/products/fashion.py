"""Fashion."""

from ecomai_project.demo.catalogue_types import Brand, Department, Option, ProductType, Text

WEAR = Text("Clothing", "服装")
BAGS = Text("Bags", "包袋")
EXTRAS = Text("Accessories", "配饰")
SIZE = Text("size", "尺码")
SIZES = (Option("S", "S码"), Option("M", "M码"), Option("L", "L码"), Option("XL", "XL码"))

DEPARTMENT = Department(
    code="FA",
    name=Text("Fashion", "服饰"),
    brands=(
        Brand("Atelier Nove", "九号工坊", 0.9),
        Brand("Harbour Mill", "港口织厂", 0.65),
        Brand("Linnea", "林奈", 0.5),
        Brand("Fold", "折叠", 0.4),
        Brand("Good Basics", "好基本", 0.1),
    ),
    types=(
        ProductType(
            key="tshirt",
            makers=(1, 2, 4),
            shelf=WEAR,
            leaf=Text("T-shirts", "T恤"),
            noun=Text("T-Shirt", "T恤"),
            models=Text("Crew/Boxy/Stripe", "圆领/宽松/条纹"),
            option_name=SIZE,
            options=SIZES,
            materials=(Text("organic cotton", "有机棉"), Text("cotton and linen", "棉麻")),
            colours="white navy coral olive mustard mint",
            price=(15, 45),
            first=(
                Text("The shirt you take out of the drawer first.", "衣柜里第一件被拿出来的T恤。"),
                Text(
                    "Heavy {material} that keeps its shape after many washes.",
                    "厚实{material}，多次洗涤不变形。",
                ),
            ),
            second=(
                Text("Size {option} in {colour}; a relaxed cut.", "{option}，{colour}，宽松剪裁。"),
                Text(
                    "Knitted and sewn in Portugal; {colour}, {option}.",
                    "葡萄牙织造缝制，{colour}，{option}。",
                ),
            ),
            n_items=13,
            peak_month=6,
            return_rate=0.18,
            demand=1.2,
        ),
        ProductType(
            key="sweater",
            makers=(1, 2, 0),
            shelf=WEAR,
            leaf=Text("Sweaters", "毛衣"),
            noun=Text("Sweater", "毛衣"),
            models=Text("Fisherman/Raglan/Cable", "渔夫/插肩/麻花"),
            option_name=SIZE,
            options=SIZES,
            materials=(Text("merino wool", "美丽诺羊毛"), Text("lambswool", "羔羊毛")),
            colours="navy cream plum olive red grey",
            price=(49, 149),
            first=(
                Text("Warm without weight, for walks by the sea.", "轻而暖，适合海边漫步。"),
                Text("Knitted from {material} that does not scratch.", "{material}织就，亲肤不扎。"),
            ),
            second=(
                Text(
                    "{colour}, size {option}; wash cool and dry flat.",
                    "{colour}，{option}，冷水手洗平铺晾干。",
                ),
                Text("Ribbed cuffs, a deep collar; size {option}.", "罗纹袖口，高领保暖，{option}。"),
            ),
            n_items=11,
            peak_month=11,
            return_rate=0.2,
            demand=1.1,
        ),
        ProductType(
            key="rain_jacket",
            makers=(2, 1),
            shelf=WEAR,
            leaf=Text("Rain jackets", "雨衣"),
            noun=Text("Rain Jacket", "防雨夹克"),
            models=Text("Drizzle/Skipper", "细雨/船长"),
            option_name=SIZE,
            options=SIZES,
            colours="mustard navy green coral",
            price=(69, 199),
            first=(
                Text(
                    "For the kind of weather that has no bad sides in the right jacket.",
                    "有了对的外套，就没有坏天气。",
                ),
                Text("Welded seams and a hood that turns with the head.", "压胶接缝，帽子随头转动。"),
            ),
            second=(
                Text(
                    "{colour}, size {option}; packs into its own pocket.",
                    "{colour}，{option}，可收进自带口袋。",
                ),
                Text("Lined with soft jersey; size {option}.", "柔软针织内里，{option}。"),
            ),
            n_items=9,
            peak_month=10,
            return_rate=0.18,
            demand=0.8,
        ),
        ProductType(
            key="backpack",
            makers=(3, 0, 4),
            shelf=BAGS,
            leaf=Text("Backpacks", "双肩包"),
            noun=Text("Backpack", "双肩包"),
            models=Text("Roll/Commuter/Scout", "卷口/通勤/童军"),
            option_name=Text("volume", "容量"),
            options=(Option("14 l", "14升", 0.8), Option("20 l", "20升"), Option("26 l", "26升", 1.2)),
            materials=(Text("waxed canvas", "蜡帆布"), Text("recycled nylon", "再生尼龙")),
            colours="olive navy mustard black coral",
            price=(39, 149),
            first=(
                Text("Carries a laptop, a lunch and a change of plan.", "装得下电脑、午餐和临时改变的计划。"),
                Text(
                    "{model}: made of {material}, with buckles that outlive it.",
                    "{model}采用{material}，金属扣经久耐用。",
                ),
            ),
            second=(
                Text("{option}, padded back, in {colour}.", "{option}，加厚背垫，{colour}。"),
                Text("A bottle fits at the side; {option}.", "侧袋可放水壶，{option}。"),
            ),
            peak_month=9,
            return_rate=0.08,
        ),
        ProductType(
            key="tote_bag",
            makers=(3, 0, 4),
            shelf=BAGS,
            leaf=Text("Totes", "托特包"),
            noun=Text("Tote Bag", "托特包"),
            models=Text("Market/Library", "集市/图书馆"),
            option_name=Text("handles", "提手"),
            options=(Option("short handles", "短提手"), Option("long handles", "长提手")),
            materials=(Text("organic cotton", "有机棉"), Text("leather", "皮革")),
            colours="sand coral navy black mint",
            price=(14, 89),
            first=(
                Text(
                    "Big enough for the market, neat enough for the library.",
                    "装得下集市的收获，也配得上图书馆。",
                ),
                Text("Strong {material} with doubled seams.", "结实{material}，双线缝制。"),
            ),
            second=(
                Text("With {option}, in {colour}.", "{option}，{colour}。"),
                Text("An inside pocket for keys; {option}.", "内袋可放钥匙，{option}。"),
            ),
            n_items=8,
            return_rate=0.05,
            demand=0.9,
        ),
        ProductType(
            key="scarf",
            makers=(1, 2),
            shelf=EXTRAS,
            leaf=Text("Scarves", "围巾"),
            noun=Text("Scarf", "围巾"),
            models=Text("Lambswool/Tartan/Feather", "羊羔绒/格纹/羽毛"),
            option_name=Text("length", "长度"),
            options=(Option("160 cm", "160厘米", 0.9), Option("190 cm", "190厘米")),
            colours="red mustard navy cream plum green",
            price=(19, 79),
            first=(
                Text(
                    "Long enough to wrap twice, soft enough to keep on indoors.",
                    "可绕两圈，柔软得进屋也舍不得摘。",
                ),
                Text("Woven in a small mill, with a brushed finish.", "小型织厂织造，拉绒表面。"),
            ),
            second=(
                Text("{option} in {colour}.", "长{option}，{colour}。"),
                Text("Fringed at both ends; {option}.", "两端流苏，长{option}。"),
            ),
            peak_month=12,
            return_rate=0.06,
        ),
        ProductType(
            key="watch",
            makers=(0, 3),
            shelf=EXTRAS,
            leaf=Text("Watches", "手表"),
            noun=Text("Watch", "腕表"),
            models=Text("Minute/Harbour/Field", "分钟/港湾/野外"),
            option_name=Text("case", "表径"),
            options=(Option("36 mm", "36毫米", 0.95), Option("40 mm", "40毫米")),
            materials=(Text("leather", "皮革"), Text("woven nylon", "编织尼龙")),
            colours="brown black navy olive rose",
            price=(59, 289),
            first=(
                Text("Three hands, no notifications.", "三根指针，没有通知。"),
                Text(
                    "A dial you can read at a glance and a movement that keeps quiet.",
                    "一眼可读的表盘，安静走时的机芯。",
                ),
            ),
            second=(
                Text(
                    "Case of {option}, strap of {material} in {colour}.",
                    "表径{option}，{colour}{material}表带。",
                ),
                Text(
                    "Sapphire glass, {option}, water-tight to 50 metres.", "蓝宝石玻璃，{option}，50米防水。"
                ),
            ),
            peak_month=12,
            return_rate=0.09,
            demand=0.8,
        ),
    ),
)
