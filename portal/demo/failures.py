"""What can keep the demo from coming up, each with a sentence for whoever started it."""


class DemoFailed(Exception):
    """A piece of the demo does not come up, or ended by itself."""


class DemoAlreadyRuns(DemoFailed):
    """Another demo uses this data directory."""


class NoFreePort(DemoFailed):
    """Every port that the demo would take is taken."""


class PostgresMissing(DemoFailed):
    """No server programs were found on this machine."""


class PostgresFailed(DemoFailed):
    """The server does not start; its last words are in the text."""
