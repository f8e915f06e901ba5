# ruff: noqa: E501 - a sentence stays on one line
"""Coffee and tea."""

from ecomai_project.demo.catalogue_types import Brand, Department, Option, ProductType, Text

MACHINES = Text("Coffee machines", "咖啡器具")
BEANS = Text("Coffee beans", "咖啡豆")
BREWING = Text("Brewing by hand", "手冲器具")
TEA = Text("Tea", "茶")
CAPACITY = Text("capacity", "容量")
WEIGHT = Text("weight", "净含量")
BAGS = (Option("250 g", "250克", 0.55), Option("500 g", "500克", 1.0), Option("1 kg", "1千克", 1.85))

DEPARTMENT = Department(
    code="CT",
    name=Text("Coffee & Tea", "咖啡与茶"),
    brands=(
        Brand("Bellavia", "贝拉维", 0.85),
        Brand("Nordkaffe", "北岸咖啡", 0.6),
        Brand("Copperleaf", "铜叶", 0.5),
        Brand("Kissa", "吃茶社", 0.7),
        Brand("Morning Parade", "晨序", 0.2),
    ),
    types=(
        ProductType(
            key="espresso_machine",
            makers=(0, 1, 4),
            shelf=MACHINES,
            leaf=Text("Espresso machines", "意式咖啡机"),
            noun=Text("Espresso Machine", "意式咖啡机"),
            models=Text("Aria/Classica/Duetto/Ritmo/Volta", "雅韵/经典/双响/律动/伏特"),
            option_name=CAPACITY,
            options=(
                Option("1.2 l tank", "1.2升水箱", 0.9),
                Option("1.8 l tank", "1.8升水箱"),
                Option("2.4 l dual boiler", "2.4升双锅炉", 1.5),
            ),
            colours="steel black cream red",
            price=(179, 749),
            first=(
                Text(
                    "The {model} heats up in forty seconds and holds its temperature from the first shot to the last.",
                    "{model}四十秒即可预热完成，从第一杯到最后一杯温度始终稳定。",
                ),
                Text(
                    "A proper espresso with a hazelnut-brown crema, at the height of your own kitchen counter.",
                    "在自家厨房台面上，也能做出带榛果色油脂的地道浓缩咖啡。",
                ),
            ),
            second=(
                Text(
                    "The {colour} housing wipes clean, and the steam wand turns milk into dense, shiny foam.",
                    "{colour}机身一擦即净，蒸汽棒能打出绵密光亮的奶泡。",
                ),
                Text(
                    "With a {option} and a cup warmer on top; a portafilter for one and two cups is in the box.",
                    "配{option}，顶部可温杯，附单杯和双杯手柄。",
                ),
            ),
            return_rate=0.05,
            peak_month=12,
            demand=0.9,
        ),
        ProductType(
            key="coffee_grinder",
            makers=(0, 1, 2),
            shelf=MACHINES,
            leaf=Text("Grinders", "磨豆机"),
            noun=Text("Coffee Grinder", "磨豆机"),
            models=Text("Mola/Kern/Fino/Granite", "磨坊/核心/细语/花岗"),
            option_name=Text("burrs", "刀盘"),
            options=(
                Option("38 mm steel burrs", "38毫米钢刀盘", 0.7),
                Option("48 mm conical burrs", "48毫米锥刀"),
                Option("64 mm flat burrs", "64毫米平刀", 1.6),
            ),
            colours="black steel cream copper",
            price=(49, 289),
            first=(
                Text(
                    "Grinds evenly from Turkish-fine to French-press coarse, in forty clear steps.",
                    "从土耳其式细粉到法压壶粗粉，四十档均匀研磨。",
                ),
                Text(
                    "Fresh grounds make the biggest difference in the cup, and the {model} makes them quietly.",
                    "现磨最能改变一杯咖啡，而{model}磨得安静又利落。",
                ),
            ),
            second=(
                Text(
                    "The {option} stay cool, and the {colour} body takes little room beside the machine.",
                    "{option}运转不发热，{colour}机身小巧不占地。",
                ),
                Text(
                    "Hopper and {option} come out without tools for cleaning.",
                    "豆仓与{option}无需工具即可拆下清洗。",
                ),
            ),
            demand=0.8,
        ),
        ProductType(
            key="espresso_beans",
            makers=(0, 1, 4),
            shelf=BEANS,
            leaf=Text("Espresso beans", "意式咖啡豆"),
            noun=Text("Espresso Beans", "意式拼配咖啡豆"),
            models=Text("Notte/Piazza/Velluto/Barrio/Siren", "夜曲/广场/丝绒/街角/海妖"),
            option_name=WEIGHT,
            options=BAGS,
            materials=(
                Text("dark chocolate and hazelnut", "黑巧克力与榛果"),
                Text("caramel and red cherry", "焦糖与红樱桃"),
                Text("almond and brown sugar", "杏仁与红糖"),
            ),
            colours="brown red black copper navy",
            price=(13, 26),
            first=(
                Text(
                    "Slowly roasted for espresso: {material}, little acidity and a long finish.",
                    "为意式慢速烘焙：{material}风味，酸度低、余韵长。",
                ),
                Text(
                    "A blend from Brazil, Guatemala and Ethiopia that tastes of {material}.",
                    "巴西、危地马拉与埃塞俄比亚拼配，带有{material}的香气。",
                ),
            ),
            second=(
                Text(
                    "Roasted every Tuesday and packed in a {option} bag with a valve.",
                    "每周二新鲜烘焙，{option}单向阀袋装。",
                ),
                Text(
                    "It forgives a hurried morning and shines in cappuccino.",
                    "匆忙的早晨也不易失手，做卡布奇诺尤其出色。",
                ),
            ),
            n_items=12,
            repeat_days=28,
            return_rate=0.003,
            demand=1.6,
            shows_colour=False,
        ),
        ProductType(
            key="filter_beans",
            makers=(1, 3, 4),
            shelf=BEANS,
            leaf=Text("Filter beans", "单品咖啡豆"),
            noun=Text("Filter Coffee", "手冲单品豆"),
            models=Text("Yirgacheffe/Huila/Nyeri/Antigua", "耶加雪菲/慧兰/涅里/安提瓜"),
            option_name=WEIGHT,
            options=BAGS[:2],
            materials=(
                Text("jasmine and bergamot", "茉莉与佛手柑"),
                Text("red apple and honey", "红苹果与蜂蜜"),
                Text("blackcurrant and lime", "黑加仑与青柠"),
            ),
            colours="mint coral sky mustard",
            price=(12, 24),
            first=(
                Text(
                    "A light roast of a single origin, with notes of {material}.",
                    "单一产地浅烘，带有{material}的风味。",
                ),
                Text(
                    "Washed, dried on raised beds and roasted for clarity: {material} in every cup.",
                    "水洗处理、高架床日晒、清亮烘焙，每一杯都是{material}。",
                ),
            ),
            second=(
                Text(
                    "Best with a pour-over dripper at 93 degrees; the {option} bag closes again.",
                    "推荐93度手冲，{option}包装可重复封口。",
                ),
                Text(
                    "Picked this season and shipped within a week of roasting.",
                    "当季采收，烘焙后一周内发货。",
                ),
            ),
            repeat_days=30,
            return_rate=0.003,
            demand=1.2,
            shows_colour=False,
        ),
        ProductType(
            key="dripper",
            makers=(2, 3, 1),
            shelf=BREWING,
            leaf=Text("Drippers", "滤杯"),
            noun=Text("Pour-Over Dripper", "手冲滤杯"),
            models=Text("Cone/Wave/Spiral/Slow", "锥形/波浪/螺纹/慢滴"),
            option_name=Text("size", "规格"),
            options=(Option("1-2 cups", "1-2人份", 0.85), Option("2-4 cups", "2-4人份")),
            materials=(Text("ceramic", "陶瓷"), Text("glass", "玻璃")),
            colours="white black copper teal rose",
            price=(14, 42),
            first=(
                Text(
                    "Spiral ribs let the water run evenly, so the cup turns out clear and sweet.",
                    "螺旋导流槽让水流均匀，咖啡干净而清甜。",
                ),
                Text(
                    "A {material} dripper that keeps the heat and looks good left standing on the table.",
                    "{material}滤杯保温好，放在桌上也是一道风景。",
                ),
            ),
            second=(
                Text(
                    "Made of {material} for {option}, it fits on any mug or jug.",
                    "{material}材质，适合{option}，可架在任何杯子或分享壶上。",
                ),
                Text(
                    "Takes standard paper filters; the {colour} glaze is safe in the dishwasher.",
                    "适用标准滤纸，{colour}釉面可放洗碗机。",
                ),
            ),
            demand=0.8,
        ),
        ProductType(
            key="paper_filters",
            makers=(3, 4),
            shelf=BREWING,
            leaf=Text("Paper filters", "滤纸"),
            noun=Text("Paper Filters", "咖啡滤纸"),
            models=Text("Pure/Natural/Bamboo", "纯净/原木/竹纤"),
            option_name=Text("pack", "包装"),
            options=(Option("40 pieces", "40张", 0.6), Option("100 pieces", "100张")),
            colours="white sand brown",
            price=(4, 9),
            first=(
                Text("Thick, unbleached paper without a taste of its own.", "厚实原色滤纸，本身没有纸味。"),
                Text(
                    "Filters that hold their shape when wet and drain in three minutes.",
                    "遇水不塌，三分钟滤完一杯。",
                ),
            ),
            second=(
                Text(
                    "{option}, for cone drippers of every make; compostable with the grounds.",
                    "{option}，适配各品牌锥形滤杯，可与咖啡渣一起堆肥。",
                ),
                Text(
                    "Made from certified wood and packed in cardboard: {option}.",
                    "采用认证木浆，纸盒包装，共{option}。",
                ),
            ),
            n_items=5,
            repeat_days=60,
            return_rate=0.003,
            demand=0.7,
            shows_colour=False,
        ),
        ProductType(
            key="descaler",
            makers=(0, 4),
            shelf=MACHINES,
            leaf=Text("Care", "清洁保养"),
            noun=Text("Descaler", "除垢剂"),
            models=Text("Calm/Clear/Pure Flow", "净缓/清流/纯净"),
            option_name=CAPACITY,
            options=(Option("250 ml", "250毫升", 0.7), Option("500 ml", "500毫升")),
            colours="sky mint coral white",
            price=(7, 15),
            first=(
                Text(
                    "Citric acid dissolves limescale in twenty minutes and leaves no smell.",
                    "柠檬酸配方二十分钟溶解水垢，不留异味。",
                ),
                Text(
                    "Keeps boiler and valves of espresso machines free of lime.",
                    "让意式咖啡机的锅炉和阀门远离水垢。",
                ),
            ),
            second=(
                Text(
                    "The {option} bottle lasts for several treatments and suits every make.",
                    "{option}瓶装可用多次，适合各品牌机器。",
                ),
                Text(
                    "Biodegradable, kind to seals, and enough for half a year in the {option} bottle.",
                    "可生物降解、不伤密封圈，{option}约可用半年。",
                ),
            ),
            n_items=5,
            repeat_days=90,
            return_rate=0.005,
            demand=0.6,
            shows_colour=False,
        ),
        ProductType(
            key="teapot",
            makers=(3, 2),
            shelf=TEA,
            leaf=Text("Teapots", "茶壶"),
            noun=Text("Teapot", "茶壶"),
            models=Text("Sora/Willow/Kettle Hill/Mei", "青空/柳枝/壶丘/小梅"),
            option_name=CAPACITY,
            options=(Option("0.6 l", "0.6升", 0.8), Option("1.0 l", "1.0升"), Option("1.4 l", "1.4升", 1.25)),
            materials=(Text("stoneware", "炻瓷"), Text("cast iron", "铸铁"), Text("porcelain", "白瓷")),
            colours="teal black white mustard rose",
            price=(24, 89),
            first=(
                Text(
                    "A round-bellied pot of {material} that pours without a drip.",
                    "圆润的{material}茶壶，断水利落不滴漏。",
                ),
                Text(
                    "The {model} keeps tea warm for a long conversation.",
                    "{model}保温出色，适合一段慢聊的时光。",
                ),
            ),
            second=(
                Text(
                    "The {option} pot comes with a fine steel sieve and a {colour} glaze.",
                    "容量{option}，配细密不锈钢滤网，{colour}釉面。",
                ),
                Text(
                    "Its wide opening takes loose leaves easily; holds {option}.",
                    "宽口设计方便投茶，容量{option}。",
                ),
            ),
            peak_month=11,
            demand=0.8,
        ),
        ProductType(
            key="loose_tea",
            makers=(3, 4, 2),
            shelf=TEA,
            leaf=Text("Loose tea", "茶叶"),
            noun=Text("Loose Tea", "散茶"),
            models=Text("Sencha/Darjeeling/Earl Grey/Rooibos/Oolong", "煎茶/大吉岭/伯爵茶/路易波士/乌龙"),
            option_name=WEIGHT,
            options=(Option("100 g", "100克", 0.7), Option("200 g", "200克", 1.2)),
            materials=(
                Text("fresh grass and citrus", "青草与柑橘"),
                Text("honey and orchid", "蜂蜜与兰花"),
                Text("malt and dried fruit", "麦芽与果干"),
            ),
            colours="green amber navy coral olive",
            price=(8, 24),
            first=(
                Text("Whole leaves with a scent of {material}.", "整叶茶，带有{material}的香气。"),
                Text(
                    "Picked by hand in spring; the cup tastes of {material}.",
                    "春季手工采摘，滋味如{material}。",
                ),
            ),
            second=(
                Text(
                    "Good for two or three infusions; {option} in a tin that keeps the scent.",
                    "可冲泡两到三次，{option}罐装锁香。",
                ),
                Text(
                    "Organic, and packed in a {option} tin to fill again.",
                    "有机种植，{option}可重复使用茶罐。",
                ),
            ),
            n_items=10,
            repeat_days=40,
            return_rate=0.003,
            demand=1.1,
            shows_colour=False,
        ),
        ProductType(
            key="mug",
            makers=(2, 3, 4),
            shelf=TEA,
            leaf=Text("Mugs", "马克杯"),
            noun=Text("Mug", "马克杯"),
            models=Text("Otto/Pebble/Fjord/Sunday", "奥托/卵石/峡湾/周日"),
            option_name=CAPACITY,
            options=(Option("250 ml", "250毫升", 0.85), Option("350 ml", "350毫升")),
            materials=(Text("stoneware", "炻瓷"), Text("porcelain", "白瓷")),
            colours="coral navy mustard mint white lilac",
            price=(9, 28),
            first=(
                Text(
                    "A sturdy {material} mug with a handle for the whole hand.",
                    "结实的{material}马克杯，把手可容整只手握持。",
                ),
                Text(
                    "The {model} sits warm and heavy in the hand, glazed in {colour}.",
                    "{model}握感温润厚实，施{colour}釉。",
                ),
            ),
            second=(
                Text(
                    "Holds {option}; dishwasher and microwave do it no harm.",
                    "容量{option}，可放洗碗机和微波炉。",
                ),
                Text(
                    "Each {option} mug is glazed by hand, so no two are quite alike.",
                    "每只{option}杯均手工施釉，各有不同。",
                ),
            ),
            n_items=11,
            peak_month=12,
            demand=1.1,
        ),
    ),
)
