"""The derived index: where each call stands in the log, thrown away and built again at will."""
