"""The admin, in which people manage what is watched and read what was written."""

from monitors.admin import access, policies, records, servers

__all__ = ["access", "policies", "records", "servers"]
