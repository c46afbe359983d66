"""Real servers for tests: PostgreSQL, Valkey and a Chromium, found on the machine or in installed wheels.
No test stands in for them with an imitation; what cannot be found is said aloud."""
