"""Who calls, what they may do and see, and how they get in: sessions, keys, links, passwords."""
