"""Puts the plugin into a project: which lines are missing, and where they go.

Runs before any of our apps is installed (`python -m ecomai init`), so nothing here imports a model.
"""
