"""Whom a campaign moves: customers as of a moment, trials of campaigns, groups by effect; reads only."""
