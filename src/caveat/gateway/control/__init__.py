"""The control API under /caveat/v1/."""
