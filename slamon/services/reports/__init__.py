"""What is told about many requests, and the proof of the record. Read only."""
