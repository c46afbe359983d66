"""The forms of actions and of filing: which fields, what was typed into them."""
