"""Sends hostile requests to a real server and checks every answer: ``python -m scripts.fuzz``, or ``make fuzz``."""
