"""Who is who: organisations and their keys, people and their accounts at platforms, and what people consent to."""
