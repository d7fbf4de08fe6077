"""What all pages share: responses, URLs, Markdown, a cache and the search pool."""
