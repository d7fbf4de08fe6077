"""Records: what people wrote about pictures, read, matched to them and written out again."""
