"""What the API and the pages share of HTTP: middleware, problems, the transaction of a request, uploads, limits."""
