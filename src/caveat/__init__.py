"""Caveat: an AI gateway whose usage terms both sides have signed."""

__version__ = "0.1.0"
