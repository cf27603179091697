"""What `caveat doctor` looks at."""
