"""What may come in and go out, as pydantic models. No routes, no HTTP."""
