"""The shopping assistant: wishes in words become filters, and items with reasons."""
