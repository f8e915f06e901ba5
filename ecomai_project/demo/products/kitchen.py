"""Kitchen."""

from ecomai_project.demo.catalogue_types import Brand, Department, Option, ProductType, Text

COOKWARE = Text("Cookware", "锅具")
KNIVES = Text("Knives", "刀具")
BAKING = Text("Baking", "烘焙")
TABLE = Text("Tableware", "餐具")
DIAMETER = Text("diameter", "直径")

DEPARTMENT = Department(
    code="KI",
    name=Text("Kitchen", "厨房"),
    brands=(
        Brand("Ferrum & Sons", "铁匠世家", 0.9),
        Brand("Tavola", "塔沃拉", 0.6),
        Brand("Little Oven", "小烤箱", 0.3),
        Brand("Hearthline", "炉边", 0.5),
        Brand("Daily Plate", "日日盘", 0.15),
    ),
    types=(
        ProductType(
            key="frying_pan",
            makers=(0, 3, 4),
            shelf=COOKWARE,
            leaf=Text("Frying pans", "煎锅"),
            noun=Text("Frying Pan", "煎锅"),
            models=Text("Forge/Nonna/Skerry/Everyday", "锻造/外婆/礁石/日常"),
            option_name=DIAMETER,
            options=(
                Option("20 cm", "20厘米", 0.75),
                Option("24 cm", "24厘米"),
                Option("28 cm", "28厘米", 1.25),
            ),
            materials=(
                Text("cast iron", "铸铁"),
                Text("carbon steel", "碳钢"),
                Text("aluminium with a ceramic coating", "陶瓷涂层铝"),
            ),
            colours="black steel copper red",
            price=(24, 119),
            first=(
                Text(
                    "Sears evenly right up to the rim and gets better with every meal.",
                    "受热均匀直达锅边，越用越顺手。",
                ),
                Text(
                    "A pan of {material} for crisp potatoes and tender fish alike.",
                    "{material}锅身，煎得出脆土豆，也煎得好嫩鱼。",
                ),
            ),
            second=(
                Text(
                    "With {option} it suits every hob, induction and oven included.",
                    "直径{option}，电磁炉、燃气灶和烤箱通用。",
                ),
                Text(
                    "The handle stays cool; {option} across, made of {material}.",
                    "手柄不烫手，直径{option}，{material}制成。",
                ),
            ),
            demand=1.1,
        ),
        ProductType(
            key="cooking_pot",
            makers=(0, 3, 1),
            shelf=COOKWARE,
            leaf=Text("Pots", "汤锅"),
            noun=Text("Cooking Pot", "炖锅"),
            models=Text("Cocotte/Simmer/Harvest", "珐琅/慢炖/丰收"),
            option_name=Text("capacity", "容量"),
            options=(Option("2.5 l", "2.5升", 0.75), Option("4.2 l", "4.2升"), Option("6 l", "6升", 1.3)),
            materials=(Text("enamelled cast iron", "珐琅铸铁"), Text("stainless steel", "不锈钢")),
            colours="red teal cream navy orange",
            price=(39, 219),
            first=(
                Text(
                    "Heavy walls and a tight lid make stews tender overnight.",
                    "厚壁配密封锅盖，炖菜软糯入味。",
                ),
                Text(
                    "From hob to oven to table in one pot of {material}.",
                    "一口{material}锅，从灶台到烤箱再到餐桌。",
                ),
            ),
            second=(
                Text("It holds {option}, enough for soup with guests.", "容量{option}，招待客人煲汤正合适。"),
                Text(
                    "The {colour} outside keeps its shine; {option} inside.",
                    "{colour}外壁历久如新，容量{option}。",
                ),
            ),
            peak_month=11,
        ),
        ProductType(
            key="chef_knife",
            makers=(0, 1),
            shelf=KNIVES,
            leaf=Text("Chef's knives", "主厨刀"),
            noun=Text("Chef's Knife", "主厨刀"),
            models=Text("Santoku/Gyuto/Petty/Damask", "三德/牛刀/小厨/大马士革"),
            option_name=Text("blade", "刀长"),
            options=(
                Option("14 cm", "14厘米", 0.75),
                Option("18 cm", "18厘米"),
                Option("21 cm", "21厘米", 1.2),
            ),
            materials=(
                Text("walnut", "胡桃木"),
                Text("oak", "橡木"),
                Text("black composite", "黑色复合材料"),
            ),
            colours="brown black red navy",
            price=(29, 179),
            first=(
                Text(
                    "A thin, hard blade that glides through tomatoes and onions.",
                    "刀身薄而坚硬，切番茄洋葱如行云流水。",
                ),
                Text("Forged from one piece of steel and honed by hand.", "整块钢锻打，手工开刃。"),
            ),
            second=(
                Text(
                    "Blade {option}, handle of {material}; please wash by hand.",
                    "刀长{option}，{material}刀柄，建议手洗。",
                ),
                Text(
                    "The {material} handle balances the {option} blade.",
                    "{material}刀柄与{option}刀身重心平衡。",
                ),
            ),
            demand=0.9,
        ),
        ProductType(
            key="whetstone",
            makers=(0, 4),
            shelf=KNIVES,
            leaf=Text("Sharpening", "磨刀"),
            noun=Text("Whetstone", "磨刀石"),
            models=Text("Ridge/Still Water", "山脊/静水"),
            option_name=Text("grit", "目数"),
            options=(Option("400/1000", "400/1000目", 0.85), Option("1000/6000", "1000/6000目")),
            colours="grey sand rose sky",
            price=(19, 69),
            first=(
                Text("Two grits on one stone: first the edge, then the polish.", "一石两面，先开锋后抛光。"),
                Text("Brings a tired kitchen knife back in ten minutes.", "十分钟让钝刀恢复锋利。"),
            ),
            second=(
                Text("Grit {option}, with a base that does not slip.", "{option}，附防滑底座。"),
                Text(
                    "Soak, hone, rinse: a leaflet shows the angle for grit {option}.",
                    "浸水、研磨、冲洗，说明书附{option}磨刀角度。",
                ),
            ),
            n_items=5,
            demand=0.5,
        ),
        ProductType(
            key="stand_mixer",
            makers=(2, 1),
            shelf=BAKING,
            leaf=Text("Mixers", "厨师机"),
            noun=Text("Stand Mixer", "厨师机"),
            models=Text("Bella/Whisk/Patisserie", "贝拉/飞旋/甜点师"),
            option_name=Text("bowl", "搅拌碗"),
            options=(Option("4.3 l", "4.3升", 0.85), Option("5.6 l", "5.6升"), Option("6.9 l", "6.9升", 1.3)),
            colours="red mint cream rose steel",
            price=(129, 549),
            first=(
                Text(
                    "Kneads a heavy rye dough without walking across the worktop.",
                    "揉厚重的黑麦面团也稳稳当当，不会移位。",
                ),
                Text(
                    "Cream, dough and meringue from one quiet, strong motor.",
                    "一台安静有力的机器，奶油、面团、蛋白霜全搞定。",
                ),
            ),
            second=(
                Text(
                    "With a {option} steel bowl, dough hook, beater and whisk in {colour}.",
                    "{option}不锈钢碗，附和面钩、搅拌桨与打蛋器，{colour}机身。",
                ),
                Text(
                    "Ten speeds; the {option} bowl takes dough for three loaves.",
                    "十档变速，{option}大碗可容三条面包的面团。",
                ),
            ),
            peak_month=12,
            demand=0.7,
        ),
        ProductType(
            key="cake_tin",
            makers=(2, 4),
            shelf=BAKING,
            leaf=Text("Tins", "烤模"),
            noun=Text("Cake Tin", "蛋糕模"),
            models=Text("Victoria/Bundt/Springform", "维多利亚/咕咕霍夫/活底"),
            option_name=DIAMETER,
            options=(
                Option("18 cm", "18厘米", 0.85),
                Option("24 cm", "24厘米"),
                Option("26 cm", "26厘米", 1.1),
            ),
            colours="black rose steel copper",
            price=(11, 39),
            first=(
                Text("Browns evenly and lets the cake go at the first try.", "上色均匀，一次脱模成功。"),
                Text("Thick steel with a coating that keeps for years.", "加厚钢材，涂层经久耐用。"),
            ),
            second=(
                Text(
                    "{option} across, with a rim that leaves the oven clean.",
                    "直径{option}，防溢边保持烤箱清洁。",
                ),
                Text(
                    "The {option} tin fits most recipes and comes with one of ours.",
                    "{option}适用大多数配方，并附食谱一张。",
                ),
            ),
            n_items=7,
            demand=0.8,
            peak_month=12,
        ),
        ProductType(
            key="bowl",
            makers=(1, 4, 3),
            shelf=TABLE,
            leaf=Text("Bowls", "碗"),
            noun=Text("Bowl", "碗"),
            models=Text("Ripple/Field/Ramen/Nest", "涟漪/原野/拉面/鸟巢"),
            option_name=DIAMETER,
            options=(
                Option("14 cm", "14厘米", 0.8),
                Option("19 cm", "19厘米"),
                Option("set of 4, 16 cm", "四只装16厘米", 3.2),
            ),
            materials=(Text("stoneware", "炻瓷"), Text("acacia wood", "相思木")),
            colours="teal white mustard navy coral",
            price=(9, 29),
            first=(
                Text("For soup, pasta and the first strawberries.", "盛汤、装面，也盛第一捧草莓。"),
                Text("Thrown with a soft rim, made of {material}.", "{material}制成，碗沿圆润柔和。"),
            ),
            second=(
                Text("{option}, stacks neatly with its siblings.", "{option}，可与同系列整齐叠放。"),
                Text("The {colour} finish is food-safe; {option}.", "{colour}表面食品级安全，{option}。"),
            ),
            demand=1.0,
        ),
    ),
)
