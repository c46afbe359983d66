"""What runs by itself, owning its transactions: find what is due, decide it, deliver what follows."""
