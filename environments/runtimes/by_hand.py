"""Apps that the portal cannot reach: people stop and start them, and say so."""

from collections.abc import Callable, Sequence

from ..choices import State
from ..errors import RuntimeRefused


class ByHandRuntime:
    """Knows nothing and does nothing; what people confirm is believed only when the database has no sessions left."""

    def status(self) -> State:
        return State.UNKNOWN

    def stop(self, beat: Callable[[], None]) -> None:
        """Raises: RuntimeRefused"""
        beat()
        raise RuntimeRefused("The portal cannot stop this app: no stop command is registered. Stop it yourself.")

    def start(self, beat: Callable[[], None]) -> None:
        """Raises: RuntimeRefused"""
        beat()
        raise RuntimeRefused("The portal cannot start this app: no start command is registered. Start it yourself.")

    def deploy(self, arguments: Sequence[str], beat: Callable[[], None]) -> bool:  # noqa: ARG002 - the runtimes' shape
        beat()
        return False

    def undeploy(self, beat: Callable[[], None]) -> bool:
        beat()
        return False

    def unpublish_services(self, beat: Callable[[], None]) -> bool:
        beat()
        return False

    def publish_services(self, beat: Callable[[], None]) -> bool:
        beat()
        return False
