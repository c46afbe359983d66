"""Clocks: when each kind runs, how it stands, which steps it crosses, whose time it was."""
