"""A Hugging Face image folder: pictures, their records, and a card about them."""
