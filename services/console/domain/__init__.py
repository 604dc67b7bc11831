"""What pages show and in which words; pure."""
