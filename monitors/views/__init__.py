"""The pages. Reading needs the permission to view, a button needs the permission to change, as in the API."""
