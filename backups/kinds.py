"""The kinds of operations that backups bring: found by the lifecycle when Django is ready."""

from environments.lifecycle.kinds import register

from .operations import create, delete

register(create.KIND)
register(delete.KIND)
