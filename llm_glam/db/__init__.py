"""The SQLite database: collections, records, folders, filters and migrations."""
