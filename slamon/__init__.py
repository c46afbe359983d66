"""slamon: files a sponsor's requests to its CMOs, times the answers and escalates silence."""

__version__ = "0.1.0"
