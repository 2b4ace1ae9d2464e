"""The sandbox in which pg_restore reads a dump that nobody vouches for: what it cannot reach, it cannot harm.

Its environment holds only what libpq needs, privileges cannot grow, memory, processor and files are limited; and there
is no network, where the machine allows that and no server has to be reached by one.
"""

from functools import cache

from environments.addresses import DatabaseAddress
from environments.programs import Program

MEMORY_BYTES = 4 << 30
CPU_SECONDS = 12 * 3600
FILE_BYTES = 1 << 20  # it writes nothing but words
NO_NETWORK, NO_PRIVILEGES = "--no-network", "--no-new-privileges"
LIMITS = (f"--memory={MEMORY_BYTES}", f"--processor={CPU_SECONDS}", f"--file-size={FILE_BYTES}")
TRIED = "true"


def confined(server: DatabaseAddress | None = None) -> tuple[str, ...]:
    """What a program gives up before it begins. `server`: the one it has to reach; None: it reads only."""
    needs_network = server is not None and not server.is_socket
    wanted = [NO_PRIVILEGES, *([] if needs_network else [NO_NETWORK])]
    return (*(option for option in wanted if is_possible(option)), *LIMITS)


@cache
def is_possible(option: str) -> bool:
    """Whether this machine lets programs give this up; tried once per process."""
    with Program([TRIED], environ={}, confined=[option]) as program:
        for _ in program.stream():
            pass
        return program.exit_code == 0


def missing() -> list[str]:
    """What this machine does not let programs give up, in words; empty: nothing."""
    words = {NO_NETWORK: "network", NO_PRIVILEGES: "privileges"}
    return [word for option, word in words.items() if not is_possible(option)]
