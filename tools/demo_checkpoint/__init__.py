"""What made the demo's checkpoint: trained, judged and described by hand."""
