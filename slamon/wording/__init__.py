"""Every word a reader sees: messages, pages, errors; the words of each kind in the catalogue by its name."""
