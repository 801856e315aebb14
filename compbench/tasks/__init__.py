"""What outputs mean, one task a file."""
