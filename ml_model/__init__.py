"""A tabular model, its contract and its releases. Imports nothing of the web."""
