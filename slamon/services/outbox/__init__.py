"""Outgoing messages as rows: queued once, grouped into threads and digests, withdrawn, resent."""
