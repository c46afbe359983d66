"""How one thing is shown on every page: a clock, an instant, a fact, a quantity."""
