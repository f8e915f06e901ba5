"""Sport and outdoors."""

from ecomai_project.demo.catalogue_types import Brand, Department, Option, ProductType, Text

RUN = Text("Running", "跑步")
CAMP = Text("Camping", "露营")
YOGA = Text("Yoga", "瑜伽")
FOOD = Text("Nutrition", "运动营养")
SIZE = Text("size", "尺码")

DEPARTMENT = Department(
    code="SO",
    name=Text("Sport & Outdoors", "运动户外"),
    brands=(
        Brand("Tarn", "山潭", 0.85),
        Brand("Northbound", "向北", 0.7),
        Brand("Veloce", "飞驰", 0.5),
        Brand("Asana Works", "体式", 0.45),
        Brand("Basecamp Basics", "大本营", 0.15),
    ),
    types=(
        ProductType(
            key="running_shoes",
            makers=(2, 1, 4),
            shelf=RUN,
            leaf=Text("Running shoes", "跑鞋"),
            noun=Text("Running Shoes", "跑鞋"),
            models=Text("Swift/Cloudline/Ridge Runner/Tempo", "雨燕/云线/山脊/节奏"),
            option_name=SIZE,
            options=(Option("EU 38", "38码"), Option("EU 41", "41码"), Option("EU 44", "44码")),
            colours="coral navy mint black orange sky",
            price=(59, 169),
            first=(
                Text("Light underfoot and lively on the last kilometre.", "脚感轻盈，最后一公里依旧有弹性。"),
                Text(
                    "Cushioned for long roads, with a grip that trusts wet leaves.",
                    "长距离缓震，湿滑落叶路面也抓得牢。",
                ),
            ),
            second=(
                Text(
                    "Knitted upper in {colour}, size {option}; runs true to size.",
                    "{colour}针织鞋面，{option}，正常尺码。",
                ),
                Text(
                    "Eight millimetres of drop; this pair is {option}.", "前后掌落差八毫米，本款为{option}。"
                ),
            ),
            n_items=12,
            peak_month=4,
            return_rate=0.24,
            demand=1.1,
        ),
        ProductType(
            key="running_socks",
            makers=(2, 4),
            shelf=RUN,
            leaf=Text("Socks", "运动袜"),
            noun=Text("Running Socks", "跑步袜"),
            models=Text("Breeze/Merino Mile", "微风/美丽诺"),
            option_name=Text("pack", "包装"),
            options=(Option("2 pairs", "2双", 0.75), Option("3 pairs", "3双")),
            colours="coral navy mint white",
            price=(12, 32),
            first=(
                Text("Seamless toes, so nothing rubs.", "趾部无缝，不磨脚。"),
                Text("Dries quickly and stays up.", "快干，不下滑。"),
            ),
            second=(
                Text(
                    "{option} in {colour}, left and right knitted differently.",
                    "{option}，{colour}，左右分织。",
                ),
                Text("Padded where shoes press; {option}.", "鞋压部位加厚，{option}。"),
            ),
            n_items=7,
            repeat_days=110,
            return_rate=0.02,
            demand=0.8,
        ),
        ProductType(
            key="energy_bar",
            makers=(2, 4),
            shelf=FOOD,
            leaf=Text("Bars", "能量棒"),
            noun=Text("Energy Bars", "能量棒"),
            models=Text("Oat & Honey/Cocoa Nut/Berry Burst", "燕麦蜂蜜/可可坚果/莓果"),
            option_name=Text("pack", "包装"),
            options=(Option("6 bars", "6根", 0.6), Option("12 bars", "12根")),
            colours="mustard brown plum",
            price=(10, 26),
            first=(
                Text(
                    "Real food that fits in a running belt: {model}.", "能放进跑步腰包的真材实料：{model}。"
                ),
                Text(
                    "Thirty grams of carbohydrate and nothing you cannot pronounce.",
                    "三十克碳水，配料表简单干净。",
                ),
            ),
            second=(
                Text("{option} of {model}, kind to the stomach.", "{option}{model}味，温和不伤胃。"),
                Text("Baked, not pressed; {option} to a box.", "烘焙而成，每盒{option}。"),
            ),
            n_items=7,
            repeat_days=24,
            return_rate=0.004,
            demand=1.1,
            shows_colour=False,
        ),
        ProductType(
            key="bottle",
            makers=(1, 0, 4),
            shelf=FOOD,
            leaf=Text("Bottles", "水壶"),
            noun=Text("Insulated Bottle", "保温水壶"),
            models=Text("Spring/Glacier/Commuter", "清泉/冰川/通勤"),
            option_name=Text("capacity", "容量"),
            options=(Option("0.5 l", "0.5升", 0.85), Option("0.75 l", "0.75升"), Option("1 l", "1升", 1.2)),
            colours="teal coral black mint white",
            price=(16, 42),
            first=(
                Text("Cold for a day, hot for half of one.", "保冷一整天，保热半天。"),
                Text("No drip in the bag, no taste of yesterday.", "包里不漏水，也不留昨日余味。"),
            ),
            second=(
                Text("{option} of double-walled steel in {colour}.", "{option}双层不锈钢，{colour}。"),
                Text("The {option} bottle opens with one hand.", "{option}，单手即可打开。"),
            ),
            demand=1.0,
            peak_month=6,
        ),
        ProductType(
            key="tent",
            makers=(0, 1, 4),
            shelf=CAMP,
            leaf=Text("Tents", "帐篷"),
            noun=Text("Tent", "帐篷"),
            models=Text("Tarn Dome/Meadow/Long Way", "穹顶/草甸/远行"),
            option_name=Text("sleeps", "人数"),
            options=(
                Option("1 person", "单人", 0.75),
                Option("2 persons", "双人"),
                Option("4 persons", "四人", 1.6),
            ),
            colours="orange olive sky mustard",
            price=(79, 389),
            first=(
                Text(
                    "Stands in five minutes and shrugs off a night of rain.", "五分钟搭好，一夜风雨也无妨。"
                ),
                Text("Two doors, two porches, one dry night.", "双门双前厅，一夜干爽。"),
            ),
            second=(
                Text(
                    "Room for {option}; the {colour} fly sheet takes a 3,000 mm water column.",
                    "可容{option}，{colour}外帐防水3000毫米。",
                ),
                Text("For {option}, with colour-coded poles.", "{option}帐，颜色编码帐杆易搭建。"),
            ),
            n_items=8,
            peak_month=6,
            return_rate=0.08,
            demand=0.7,
        ),
        ProductType(
            key="sleeping_bag",
            makers=(0, 1, 4),
            shelf=CAMP,
            leaf=Text("Sleeping bags", "睡袋"),
            noun=Text("Sleeping Bag", "睡袋"),
            models=Text("Marmot Hollow/Nightfall/Cocoon", "旱獭/夜幕/蚕茧"),
            option_name=Text("comfort", "舒适温标"),
            options=(Option("+10 °C", "10°C", 0.75), Option("0 °C", "0°C"), Option("-7 °C", "-7°C", 1.4)),
            colours="navy orange green plum",
            price=(45, 229),
            first=(
                Text("Warm where it matters and small in the rucksack.", "该暖的地方暖，收起来很小。"),
                Text("A hood that closes like a good hug.", "帽兜收紧如一个温暖的拥抱。"),
            ),
            second=(
                Text(
                    "Comfort down to {option}; lining of soft recycled polyester.",
                    "舒适温标{option}，柔软再生聚酯内里。",
                ),
                Text("In {colour}, for nights around {option}.", "{colour}，适合{option}左右的夜晚。"),
            ),
            n_items=8,
            peak_month=6,
            demand=0.7,
        ),
        ProductType(
            key="headlamp",
            makers=(1, 4),
            shelf=CAMP,
            leaf=Text("Headlamps", "头灯"),
            noun=Text("Headlamp", "头灯"),
            models=Text("Firefly/Beacon", "萤火/灯塔"),
            option_name=Text("output", "亮度"),
            options=(Option("250 lm", "250流明", 0.75), Option("450 lm", "450流明")),
            colours="orange black teal",
            price=(19, 69),
            first=(
                Text("Light for the path, a red glow for the map.", "白光照路，红光看图。"),
                Text("So light that you forget it until dusk.", "轻到天黑才想起它。"),
            ),
            second=(
                Text("{option}, charged by USB-C, proof against rain.", "{option}，USB-C充电，防雨。"),
                Text("Runs forty hours on low; {option} at full power.", "低档续航四十小时，最高{option}。"),
            ),
            n_items=6,
            peak_month=7,
            demand=0.7,
        ),
        ProductType(
            key="yoga_mat",
            makers=(3, 4),
            shelf=YOGA,
            leaf=Text("Mats", "瑜伽垫"),
            noun=Text("Yoga Mat", "瑜伽垫"),
            models=Text("Ground/Flow/Lotus", "大地/流动/莲花"),
            option_name=Text("thickness", "厚度"),
            options=(Option("4 mm", "4毫米", 0.85), Option("6 mm", "6毫米")),
            materials=(Text("natural rubber", "天然橡胶"), Text("cork", "软木")),
            colours="lilac teal rose olive navy",
            price=(24, 89),
            first=(
                Text("Grips even when the class gets warm.", "练到出汗也不打滑。"),
                Text(
                    "Made of {material}, soft on knees and easy to roll.",
                    "{material}材质，护膝柔软，易于收卷。",
                ),
            ),
            second=(
                Text("{option} thick, 183 cm long, in {colour}.", "厚{option}，长183厘米，{colour}。"),
                Text("The {option} mat comes with a carrying strap.", "厚{option}，附背带。"),
            ),
            peak_month=1,
        ),
        ProductType(
            key="yoga_block",
            makers=(3, 4),
            shelf=YOGA,
            leaf=Text("Blocks", "瑜伽砖"),
            noun=Text("Yoga Block", "瑜伽砖"),
            models=Text("Steady/Lotus", "稳稳/莲花"),
            option_name=Text("pack", "包装"),
            options=(Option("single", "单只", 0.6), Option("pair", "一对")),
            materials=(Text("cork", "软木"), Text("foam", "泡棉")),
            colours="sand lilac teal rose",
            price=(9, 29),
            first=(
                Text("Brings the floor nearer, so the pose can be right.", "把地面垫高，让体式更到位。"),
                Text("Firm {material} with rounded edges.", "结实{material}，边角圆润。"),
            ),
            second=(
                Text("Sold as a {option}, in {colour}.", "{option}装，{colour}。"),
                Text("Does not slip on mats; {option}.", "在垫上不打滑，{option}装。"),
            ),
            n_items=5,
            peak_month=1,
            demand=0.6,
        ),
    ),
)
