"""Databases as earlier releases left them, as SQL text, each in a folder named for its release."""
