"""Search results to take away: as rows, as a table, and as a page with pictures."""
