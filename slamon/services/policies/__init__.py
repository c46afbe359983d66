"""Policy lines and calendars, and the terms frozen from them."""
