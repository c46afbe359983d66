"""What is appended and hash-chained: the timelines of requests and the trail of everything else."""
