"""The console's ports, composed of the same functions as the control API and the command line."""
