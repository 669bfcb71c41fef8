"""What changes reaches open pages within a second.

`bell` tells every web process over Redis which servers changed: lossy by design, because the database says what changed
since when (`news`). Each web process listens once, however many pages are open (`hub`).
"""
