"""Buttons in messages: Slack's Socket Mode brings the presses, without an address that the world could reach.

`listener` keeps a connection to Slack, `envelopes` reads what comes over it, `actions` does what was asked for,
`counting` counts it, `state` writes down how the connection stands. All of it lives in one process, `manage.py
listen_slack`; nothing that people are told depends on it.
"""
