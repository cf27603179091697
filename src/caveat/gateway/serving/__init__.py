"""Processes: a socket, workers, start-up and an orderly end."""
