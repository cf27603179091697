"""The house, composed: what is in force, seen at one moment, and how it changes."""
