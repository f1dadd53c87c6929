"""The pages of docs/reference/, one module each: `text()` returns the page."""
