"""The embedded model: its weights, its manifest, its process."""
