"""What can be refused about the portal as a whole, each with a sentence for a person."""

from environments.errors import Failed, Refused


class MoveRefused(Refused):
    """The portal's own database is not moved; nothing was begun."""


class MoveFailed(Failed):
    """Moving ended before its end; the target is as empty as before."""
