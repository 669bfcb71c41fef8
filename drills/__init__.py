"""Fault drills: the real processes, a real MariaDB and a real Redis are broken on purpose, and every message that must
arrive in Slack is counted. See README.md."""
