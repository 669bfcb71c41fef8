"""The page of the channels, and the forms that it opens."""
