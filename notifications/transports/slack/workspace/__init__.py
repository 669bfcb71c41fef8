"""The Slack workspace as we know it: its channels, read in the background, and what each channel can be promised.

`watching` asks Slack a little at each tick, as columns say that it is due: `identity` whose token it is, `reading` a
page of the list of channels, `guarantee` whether messages in a channel can be looked for. `managing` makes, renames and
archives channels for whoever waits for it, `wording` says all of it in words.
"""

from notifications.transports.slack.workspace.cache import ask_again, seen
from notifications.transports.slack.workspace.managing import archive, create, listen, rename
from notifications.transports.slack.workspace.watching import watch

__all__ = ["archive", "ask_again", "create", "listen", "rename", "seen", "watch"]
