"""The kinds of operations that backups bring, and what the reaper keeps in order: found when Django is ready."""

from environments.lifecycle.kinds import register, register_keeping

from .operations import create, delete, generations, prune, restore, undo, verify

register(create.KIND)
register(delete.KIND)
register(prune.KIND)
register(verify.KIND)
register(restore.KIND)
register(undo.KIND)
register_keeping(generations.discard_expired)
