"""The gallery: its query string, filters, results and exports."""
