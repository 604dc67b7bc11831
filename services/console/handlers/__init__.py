"""What each page needs from the public APIs."""
