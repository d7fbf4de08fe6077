"""Files and entries to rows: planned, read ahead, embedded and written."""
