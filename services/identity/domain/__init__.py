"""What identity decides, as pure functions: values in, values and facts out. Time, chance and ids are passed in."""
