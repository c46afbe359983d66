"""The pages of the sponsor's people."""
