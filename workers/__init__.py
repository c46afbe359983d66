"""When the work runs and in which process; never what it is."""
