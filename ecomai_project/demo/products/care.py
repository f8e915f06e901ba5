"""Beauty and care."""

from ecomai_project.demo.catalogue_types import Brand, Department, Option, ProductType, Text

FACE = Text("Face", "面部护理")
BODY = Text("Body", "身体护理")
SHAVE = Text("Shaving", "剃须")
CONTENT = Text("content", "净含量")

DEPARTMENT = Department(
    code="BC",
    name=Text("Beauty & Care", "美妆个护"),
    brands=(
        Brand("Maison Iris", "鸢尾之家", 0.95),
        Brand("Saltmarsh", "盐沼", 0.6),
        Brand("Dr. Linde", "菩提博士", 0.7),
        Brand("Barber No. 9", "九号理发师", 0.5),
        Brand("Simply Soap", "简皂", 0.15),
    ),
    types=(
        ProductType(
            key="cleanser",
            makers=(0, 1, 2, 4),
            shelf=FACE,
            leaf=Text("Cleansers", "洁面"),
            noun=Text("Face Cleanser", "洁面乳"),
            models=Text("Oat Milk/Green Tea/Rice Water", "燕麦奶/绿茶/米水"),
            option_name=CONTENT,
            options=(Option("100 ml", "100毫升", 0.7), Option("200 ml", "200毫升")),
            colours="cream mint rose",
            price=(9, 38),
            first=(
                Text("Takes off the day and leaves the skin calm.", "卸下一天的疲惫，肌肤安然舒缓。"),
                Text("A soft foam with {model}, without perfume.", "含{model}的柔软泡沫，无香精。"),
            ),
            second=(
                Text("{option}, for dry and sensitive skin.", "{option}，适合干性与敏感肌。"),
                Text("Enough for three months at {option}.", "{option}，约可用三个月。"),
            ),
            n_items=7,
            repeat_days=70,
            return_rate=0.01,
            shows_colour=False,
        ),
        ProductType(
            key="serum",
            makers=(0, 2),
            shelf=FACE,
            leaf=Text("Serums", "精华"),
            noun=Text("Face Serum", "面部精华"),
            models=Text("Vitamin C/Hyaluron/Night Repair/Niacin", "维C/玻尿酸/夜间修护/烟酰胺"),
            option_name=CONTENT,
            options=(Option("15 ml", "15毫升", 0.65), Option("30 ml", "30毫升")),
            colours="amber sky plum green",
            price=(14, 79),
            first=(
                Text("Four drops in the evening, and the morning looks rested.", "睡前四滴，清晨焕然。"),
                Text(
                    "{model} in a light oil that sinks in within a minute.", "{model}轻盈配方，一分钟吸收。"
                ),
            ),
            second=(
                Text("{option} in tinted glass with a dropper.", "{option}，避光玻璃滴管瓶。"),
                Text("Tested on sensitive skin; {option}.", "经敏感肌测试，{option}。"),
            ),
            repeat_days=65,
            return_rate=0.02,
            demand=1.1,
            shows_colour=False,
        ),
        ProductType(
            key="sunscreen",
            makers=(1, 2),
            shelf=FACE,
            leaf=Text("Sun care", "防晒"),
            noun=Text("Sun Cream", "防晒霜"),
            models=Text("Daily/Seaside/Mineral", "日常/海边/物理"),
            option_name=Text("protection", "防护"),
            options=(
                Option("SPF 30, 100 ml", "SPF30 100毫升", 0.9),
                Option("SPF 50, 100 ml", "SPF50 100毫升"),
            ),
            colours="orange sky white",
            price=(9, 34),
            first=(
                Text("Light as lotion, and no white film.", "轻薄如乳液，不泛白。"),
                Text(
                    "Made for the sea: water-resistant and free of reef-harming filters.",
                    "为海边而生，防水且不伤珊瑚。",
                ),
            ),
            second=(
                Text("{option}, for face and body.", "{option}，面部身体皆可用。"),
                Text("With vitamin E; {option}.", "含维生素E，{option}。"),
            ),
            n_items=6,
            repeat_days=60,
            peak_month=7,
            return_rate=0.008,
            demand=0.9,
            shows_colour=False,
        ),
        ProductType(
            key="soap",
            makers=(1, 4),
            shelf=BODY,
            leaf=Text("Soap", "香皂"),
            noun=Text("Bar Soap", "手工皂"),
            models=Text("Lavender/Sea Salt/Olive/Charcoal", "薰衣草/海盐/橄榄/竹炭"),
            option_name=Text("pack", "包装"),
            options=(Option("1 bar", "1块", 0.5), Option("3 bars", "3块", 1.3)),
            colours="lilac sky olive black",
            price=(5, 16),
            first=(
                Text(
                    "Cold-stirred from olive oil and left to ripen for six weeks.", "橄榄油冷制，熟成六周。"
                ),
                Text("A rich lather that smells of {model}.", "泡沫丰盈，{model}芬芳。"),
            ),
            second=(
                Text("{option}, wrapped in paper.", "{option}，纸质包装。"),
                Text("Free of palm oil; {option}.", "不含棕榈油，{option}。"),
            ),
            n_items=8,
            repeat_days=45,
            return_rate=0.005,
        ),
        ProductType(
            key="hand_cream",
            makers=(0, 1, 4),
            shelf=BODY,
            leaf=Text("Creams", "护手霜"),
            noun=Text("Hand Cream", "护手霜"),
            models=Text("Fig/Almond/Rose", "无花果/杏仁/玫瑰"),
            option_name=CONTENT,
            options=(Option("30 ml", "30毫升", 0.6), Option("75 ml", "75毫升")),
            colours="plum cream rose",
            price=(6, 26),
            first=(
                Text("Gone in a moment, felt for hours.", "瞬间吸收，持久滋润。"),
                Text("Shea butter with a breath of {model}.", "乳木果油与一缕{model}香。"),
            ),
            second=(
                Text("{option} tube for desk and coat pocket.", "{option}软管，桌边与口袋皆宜。"),
                Text("Mends winter hands; {option}.", "修护冬日双手，{option}。"),
            ),
            n_items=7,
            repeat_days=60,
            peak_month=1,
            return_rate=0.008,
            demand=0.9,
            shows_colour=False,
        ),
        ProductType(
            key="razor",
            makers=(3,),
            shelf=SHAVE,
            leaf=Text("Razors", "剃须刀"),
            noun=Text("Safety Razor", "安全剃须刀"),
            models=Text("Classic/Open Comb/Traveller", "经典/开梳/旅行"),
            option_name=Text("handle", "手柄"),
            options=(Option("8 cm handle", "8厘米手柄", 0.9), Option("10 cm handle", "10厘米手柄")),
            colours="steel copper black",
            price=(24, 79),
            first=(
                Text("One blade, no plastic, and a closer shave.", "一枚刀片，没有塑料，剃得更净。"),
                Text("Its weight does the work; you only guide it.", "靠自重下刀，只需轻轻引导。"),
            ),
            second=(
                Text(
                    "Turned from brass, {option}, takes every standard blade.",
                    "黄铜车制，{option}，适配标准刀片。",
                ),
                Text(
                    "With {option} in {colour}; five blades in the box.", "{option}，{colour}，附五枚刀片。"
                ),
            ),
            n_items=6,
            demand=0.7,
        ),
        ProductType(
            key="razor_blades",
            makers=(3, 4),
            shelf=SHAVE,
            leaf=Text("Blades", "刀片"),
            noun=Text("Razor Blades", "双面刀片"),
            models=Text("Sharp/Smooth", "锋锐/顺滑"),
            option_name=Text("pack", "包装"),
            options=(Option("10 blades", "10片", 0.45), Option("50 blades", "50片", 1.5)),
            colours="sky red",
            price=(5, 15),
            first=(
                Text("Stainless steel, each blade good for five shaves.", "不锈钢材质，每片可剃五次。"),
                Text("Coated twice for sensitive necks.", "双层涂层，呵护敏感颈部。"),
            ),
            second=(
                Text(
                    "{option}, wrapped singly, with a tin for the used ones.",
                    "{option}，独立包装，附回收盒。",
                ),
                Text("Fits every double-edged safety razor; {option}.", "适配所有双面安全剃须刀，{option}。"),
            ),
            n_items=5,
            repeat_days=50,
            return_rate=0.004,
            demand=0.7,
            shows_colour=False,
        ),
    ),
)
