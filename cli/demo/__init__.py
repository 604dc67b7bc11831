"""The demonstration: a sample platform, three sample people, and what Deedlog makes of what they did."""
