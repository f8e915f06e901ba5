"""Rehearsals of what the bot learned, on data folders."""
