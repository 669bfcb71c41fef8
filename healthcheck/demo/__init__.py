"""A demonstration for newcomers: servers on this machine, one of which fails again and again, and a page that shows
what Slack would have received. `python -m healthcheck.demo` serves both."""
