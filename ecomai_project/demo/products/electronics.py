"""Electronics."""

from ecomai_project.demo.catalogue_types import Brand, Department, Option, ProductType, Text

AUDIO = Text("Audio", "音频")
DESK = Text("Desk", "桌面")
POWER = Text("Charging", "充电")
PHOTO = Text("Photography", "摄影")

DEPARTMENT = Department(
    code="EL",
    name=Text("Electronics", "数码"),
    brands=(
        Brand("Sonor", "声野", 0.85),
        Brand("Keyfolk", "键客", 0.6),
        Brand("Voltaic", "伏达", 0.45),
        Brand("Polymira", "拍立米", 0.55),
        Brand("Simplo", "简普", 0.1),
    ),
    types=(
        ProductType(
            key="headphones",
            makers=(0, 4),
            shelf=AUDIO,
            leaf=Text("Headphones", "耳机"),
            noun=Text("Headphones", "头戴耳机"),
            models=Text("Hush/Studio One/Drift", "静谧/录音室/漂流"),
            option_name=Text("battery", "续航"),
            options=(Option("30 h", "30小时", 0.8), Option("45 h", "45小时"), Option("60 h", "60小时", 1.3)),
            colours="black white navy coral sand",
            price=(59, 329),
            first=(
                Text("Switches the open-plan office off and the music on.", "关掉办公室的嘈杂，只留下音乐。"),
                Text("Deep, calm sound and ear pads you forget.", "沉稳的声音，戴着几乎感觉不到的耳罩。"),
            ),
            second=(
                Text(
                    "Noise cancelling for {option} on one charge, in {colour}.",
                    "降噪续航{option}，{colour}。",
                ),
                Text(
                    "Folds flat; {option} of music, ten minutes of charging for five more.",
                    "可折叠，{option}播放，充电十分钟再听五小时。",
                ),
            ),
            peak_month=11,
            return_rate=0.1,
            demand=1.1,
        ),
        ProductType(
            key="speaker",
            makers=(0, 4),
            shelf=AUDIO,
            leaf=Text("Speakers", "音箱"),
            noun=Text("Wireless Speaker", "无线音箱"),
            models=Text("Pebble/Room/Boombox", "卵石/房间/大块头"),
            option_name=Text("power", "功率"),
            options=(Option("10 W", "10瓦", 0.7), Option("20 W", "20瓦"), Option("40 W", "40瓦", 1.6)),
            colours="teal grey red sand black",
            price=(35, 249),
            first=(
                Text("Fills the kitchen without shouting.", "充满整个厨房，却不喧闹。"),
                Text("Round sound in every direction, wrapped in woven cloth.", "环绕全向音效，织物包裹。"),
            ),
            second=(
                Text("{option}, proof against splashes, in {colour}.", "{option}，防溅水，{colour}。"),
                Text("Two of them pair to stereo; {option} each.", "两台可组立体声，每台{option}。"),
            ),
            peak_month=11,
            return_rate=0.07,
        ),
        ProductType(
            key="keyboard",
            makers=(1, 4),
            shelf=DESK,
            leaf=Text("Keyboards", "键盘"),
            noun=Text("Mechanical Keyboard", "机械键盘"),
            models=Text("Tenkeyless/Sixty/Scribe", "八十七键/六十键/文书"),
            option_name=Text("switches", "轴体"),
            options=(
                Option("silent switches", "静音轴"),
                Option("tactile switches", "段落轴"),
                Option("linear switches", "线性轴"),
            ),
            colours="white black mint navy rose",
            price=(49, 189),
            first=(
                Text("Every key has a clear point and a soft landing.", "每一键都清晰干脆，触底柔和。"),
                Text(
                    "Written for people who write: the {model} is quiet and quick.",
                    "为书写者而造，{model}安静又敏捷。",
                ),
            ),
            second=(
                Text(
                    "With {option}, changeable without soldering; caps in {colour}.",
                    "{option}可热插拔，{colour}键帽。",
                ),
                Text("Connects to three devices; {option}.", "可连三台设备，{option}。"),
            ),
            return_rate=0.07,
            demand=0.9,
        ),
        ProductType(
            key="mouse",
            makers=(1, 4),
            shelf=DESK,
            leaf=Text("Mice", "鼠标"),
            noun=Text("Wireless Mouse", "无线鼠标"),
            models=Text("Glide/Palm", "滑翔/掌心"),
            option_name=Text("resolution", "分辨率"),
            options=(Option("1600 dpi", "1600 DPI", 0.75), Option("4000 dpi", "4000 DPI")),
            colours="white black mint navy rose",
            price=(19, 89),
            first=(
                Text("Shaped for the hand at rest.", "贴合手掌自然放松的弧度。"),
                Text("Rolls silently through the longest table.", "再长的表格也能静静滚到底。"),
            ),
            second=(
                Text("{option}, charged by USB-C once a month.", "{option}，USB-C每月一充。"),
                Text("Matches our keyboards in {colour}; {option}.", "{colour}可搭配同色键盘，{option}。"),
            ),
            n_items=7,
            demand=0.8,
        ),
        ProductType(
            key="power_bank",
            makers=(2, 4),
            shelf=POWER,
            leaf=Text("Power banks", "充电宝"),
            noun=Text("Power Bank", "充电宝"),
            models=Text("Pocket/Traveller", "口袋/旅人"),
            option_name=Text("capacity", "容量"),
            options=(
                Option("5,000 mAh", "5000毫安时", 0.65),
                Option("10,000 mAh", "10000毫安时"),
                Option("20,000 mAh", "20000毫安时", 1.6),
            ),
            colours="black white teal coral",
            price=(18, 69),
            first=(
                Text("A full day more for the phone, in a trouser pocket.", "装进裤袋，手机再战一天。"),
                Text("Charges two devices at once and itself overnight.", "可同时充两台设备，一夜自充满。"),
            ),
            second=(
                Text("{option} with USB-C at 30 watts.", "{option}，USB-C 30瓦快充。"),
                Text("Allowed in hand luggage; {option}.", "可随身登机，{option}。"),
            ),
            n_items=7,
            peak_month=7,
        ),
        ProductType(
            key="cable",
            makers=(2, 4),
            shelf=POWER,
            leaf=Text("Cables", "数据线"),
            noun=Text("USB-C Cable", "USB-C数据线"),
            models=Text("Braid/Tough Line", "编织/坚韧"),
            option_name=Text("length", "长度"),
            options=(Option("1 m", "1米", 0.75), Option("2 m", "2米"), Option("3 m", "3米", 1.25)),
            colours="black white teal coral mustard",
            price=(8, 25),
            first=(
                Text("Braided sleeve, and plugs that stay straight.", "编织外皮，接头不易折弯。"),
                Text("The cable that is still there next year.", "明年依旧好用的一根线。"),
            ),
            second=(
                Text("{option} long, 100 watts, in {colour}.", "长{option}，支持100瓦，{colour}。"),
                Text(
                    "Bent ten thousand times in the test; {option} long.", "通过一万次弯折测试，长{option}。"
                ),
            ),
            n_items=7,
            repeat_days=150,
            return_rate=0.02,
            demand=0.9,
        ),
        ProductType(
            key="instant_camera",
            makers=(3,),
            shelf=PHOTO,
            leaf=Text("Instant cameras", "拍立得"),
            noun=Text("Instant Camera", "拍立得相机"),
            models=Text("Snap/Holiday/Duo Lens", "咔嚓/假日/双镜"),
            option_name=Text("format", "画幅"),
            options=(Option("mini", "迷你", 0.85), Option("square", "方形"), Option("wide", "宽幅", 1.3)),
            colours="mint rose white sky black",
            price=(69, 179),
            first=(
                Text(
                    "The picture is in your hand before the moment is over.", "瞬间还未过去，照片已在手中。"
                ),
                Text(
                    "A camera for parties, weddings and refrigerator doors.",
                    "为聚会、婚礼和冰箱门准备的相机。",
                ),
            ),
            second=(
                Text("Takes {option} film and measures the light itself.", "使用{option}相纸，自动测光。"),
                Text(
                    "In {colour}, with a selfie mirror; {option} format.",
                    "{colour}，带自拍镜，{option}画幅。",
                ),
            ),
            n_items=8,
            peak_month=12,
            demand=0.8,
        ),
        ProductType(
            key="instant_film",
            makers=(3, 4),
            shelf=PHOTO,
            leaf=Text("Film", "相纸"),
            noun=Text("Instant Film", "拍立得相纸"),
            models=Text("Colour/Monochrome/Pastel Frame", "彩色/黑白/马卡龙边框"),
            option_name=Text("format", "画幅"),
            options=(
                Option("mini, 20 pictures", "迷你20张", 0.85),
                Option("square, 20 pictures", "方形20张"),
                Option("wide, 20 pictures", "宽幅20张", 1.3),
            ),
            colours="sky black rose",
            price=(14, 29),
            first=(
                Text("Soft colours and a white frame to write on.", "色彩柔和，白边可以写字。"),
                Text("Fresh film, kept cool until it is sent.", "新鲜相纸，发货前低温保存。"),
            ),
            second=(
                Text("Format {option}; develops in ninety seconds.", "{option}，九十秒显影。"),
                Text(
                    "For every instant camera of the same format: {option}.",
                    "适用同画幅拍立得相机，{option}。",
                ),
            ),
            n_items=8,
            repeat_days=35,
            return_rate=0.006,
            demand=0.9,
            shows_colour=False,
        ),
    ),
)
