"""The worker's door. Queue messages name these functions, so they are never renamed."""

from uuid import UUID

from .lifecycle.run import run
from .lifecycle.signs import sign


def look_at(operation_id: str) -> None:
    """Look at an operation: whatever is to be done with it now."""
    run(UUID(operation_id))


def sign_of_life(name: str) -> None:
    """Prove that this queue's messages come through to a worker."""
    sign(name)
