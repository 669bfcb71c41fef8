"""The admin, in which people manage what is watched and read what was written."""

from monitors.admin import access, operation, policies, records, servers

__all__ = ["access", "operation", "policies", "records", "servers"]
