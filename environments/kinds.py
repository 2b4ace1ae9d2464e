"""The kinds of operations on an environment itself: found by the lifecycle when Django is ready."""

from .lifecycle.kinds import register
from .operations import start, stop

register(start.KIND)
register(stop.KIND)
