"""Request types: one file each with what decides about its requests; what several share is in common."""
