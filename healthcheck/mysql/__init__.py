"""Django's MySQL backend, but that every table it makes holds any text, whatever the database was made for."""
