"""Django's SQLite backend, but that a date which is none reads as null."""
