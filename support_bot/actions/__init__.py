"""What the bot can do: tools with typed arguments, which reach only what is the customer's own."""

from .catalogue import TOOLS, find_tool
from .contract import Actor, ChangingTool, ReadingTool, Tool, ToolResult

__all__ = ["TOOLS", "Actor", "ChangingTool", "ReadingTool", "Tool", "ToolResult", "find_tool"]
