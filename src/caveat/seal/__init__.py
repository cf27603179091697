"""The seal: the only way to the model's server.  It takes no request without a permit, and counts every one that it passes."""
