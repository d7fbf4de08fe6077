"""What all pages need: the request, addresses, a cache, and the pool that searches."""
