"""Read the texts of pages: plain text, ALTO, PAGE and hOCR."""
