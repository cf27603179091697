"""A scripted upstream: a real server that says what its script says, for trying out and for tests."""
