"""Which submissions of a class are most alike, function by function: a place to look, not a verdict."""
