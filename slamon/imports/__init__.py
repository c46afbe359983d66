"""Files from outside: read, judged by the domain and, where they are to stay, handed to the services."""
