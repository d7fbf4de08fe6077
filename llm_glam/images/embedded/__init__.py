"""What is inside picture files: EXIF, IPTC and XMP, and the ``.xmp`` files beside pictures."""
