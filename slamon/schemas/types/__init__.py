"""What requests of each type ask for: one file a type, fields with how they are drawn."""
