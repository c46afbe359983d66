"""The use cases: one public function each, (session, ..., now). They add and flush, never commit, never send."""
