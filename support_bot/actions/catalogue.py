"""All tools by their names."""

from collections.abc import Mapping

from .changes import CancelOrder, ChangeAddress, StartExchange, StartReturn
from .contract import Tool
from .orders import FindOrders, RefundStatus, TrackOrder
from .products import AddToBasket, CheckItem, CompareItems, RecommendItems

TOOLS: Mapping[str, Tool] = {
    tool.name: tool
    for tool in (
        FindOrders(), TrackOrder(), RefundStatus(), CancelOrder(), StartReturn(), StartExchange(),
        ChangeAddress(), CheckItem(), CompareItems(), RecommendItems(), AddToBasket(),
    )
}  # fmt: skip


def find_tool(name: str) -> Tool:
    """Return a tool. Raises KeyError."""
    return TOOLS[name]
