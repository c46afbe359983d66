"""What follows from a timeline and its terms, and what changes them for open requests."""
