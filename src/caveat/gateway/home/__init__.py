"""The home directory: settings, keys, documents, and writing that survives a crash."""
