"""Fills Oscar's tables from an export folder in the import format of docs/data-in.md.

What is there already is passed over, so a load that was interrupted goes on and a second one changes nothing.
"""
