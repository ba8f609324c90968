"""HTML pages that need no network: one style, one way to draw, light and dark, on a desk and on a phone."""
