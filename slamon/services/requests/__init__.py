"""Filing requests, acting on them, reading them."""
