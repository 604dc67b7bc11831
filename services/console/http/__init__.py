"""The HTTP door of the console: pages, a style sheet, and the cookie of the visitor."""
