"""Write the same records as 200 spreadsheets, read them all, and compare."""
