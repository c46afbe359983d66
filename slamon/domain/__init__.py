"""The rules: pure functions of terms, timeline and an instant. Standard library only; no I/O, no clock, no ORM."""
