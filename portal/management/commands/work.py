"""work: runs the workers. Each queue's cluster is a program of its own; this one watches over them, and reaps."""

import argparse
import contextlib
import logging
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from types import FrameType
from typing import Any

from django.core.management.base import BaseCommand, CommandParser
from django.db import DatabaseError, close_old_connections, connection

from environments.choices import Status
from environments.lifecycle.claim import me
from environments.lifecycle.crews import leave, show_crew
from environments.lifecycle.doorbell import ensure_schedules, is_queue_up, run_cluster
from environments.lifecycle.kinds import LONG
from environments.lifecycle.periods import (
    FROZEN_SECONDS,
    REAP_EVERY_SECONDS,
    SIGN_STALE_SECONDS,
    STOP_WITHIN_SECONDS,
)
from environments.lifecycle.reach import serve
from environments.lifecycle.reaper import reap
from environments.lifecycle.signs import PORTAL, sign_ages, stuck_queues
from environments.models import Operation
from environments.programs import kill_session
from portal.own import code, code_at, own_facts

MANAGE = Path(__file__).resolve().parents[3] / "manage.py"
LOOK_EVERY_SECONDS = 0.1
ASK_AGAIN_EVERY_SECONDS = 5

logger = logging.getLogger(__name__)


class Command(BaseCommand):
    help = (
        "Runs the workers: two clusters (portal: short work, long: operations), and the look-out for lost operations."
    )
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--queue",
            action="append",
            metavar="NAME",
            help="serve only this queue (repeatable); a region names its own",
        )
        parser.add_argument("--parent", type=int, help=argparse.SUPPRESS)  # be one cluster

    def handle(self, *_: Any, **options: Any) -> None:
        if options["parent"]:
            run_cluster(options["parent"])
            return
        serve(options["queue"] or [PORTAL, LONG])
        crew = Crew(list(dict.fromkeys(options["queue"] or [PORTAL, LONG])))
        self.stdout.write(f"Workers for {', '.join(crew.queues)}. SIGTERM or Ctrl-C ends them.")
        raise SystemExit(crew.run())


class Crew:
    """The clusters, each in a session of its own, and the look-out beside them."""

    def __init__(self, queues: list[str]) -> None:
        self.queues = queues
        code()  # while the files are those that run
        code_at()
        self.clusters: list[subprocess.Popen[bytes]] = []
        self.is_stopping = threading.Event()
        self.is_frozen = threading.Event()
        self.signals = 0

    def run(self) -> int:
        """Work until told to stop, or until a cluster ends or freezes; returns the exit code: 0 when told to stop."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._on_signal)
        connection.close()
        try:
            self.clusters = [self._start(queue) for queue in self.queues]
            threading.Thread(target=self._look_out, daemon=True).start()
            while self._is_well() and not self.signals:
                time.sleep(LOOK_EVERY_SECONDS)
            was_told = bool(self.signals)
            self._drain()
            with contextlib.suppress(DatabaseError):
                leave()
            return 0 if was_told else 1
        finally:
            self._clear()

    def _start(self, queue: str) -> "subprocess.Popen[bytes]":
        environ = {name: value for name, value in os.environ.items() if name != "Q_CLUSTER_NAME"}
        if queue != PORTAL:
            environ["Q_CLUSTER_NAME"] = queue
        arguments = [sys.executable, str(MANAGE), "work", "--parent", str(os.getpid())]
        return subprocess.Popen(arguments, env=environ, stdin=subprocess.DEVNULL, start_new_session=True)

    def _on_signal(self, *_: int | FrameType | None) -> None:
        self.signals += 1
        self.is_stopping.set()

    def _is_well(self) -> bool:
        for queue, cluster in zip(self.queues, self.clusters, strict=True):
            if cluster.poll() is not None:
                logger.error(
                    "The cluster of queue %s has ended (%s); the others are stopped.", queue, cluster.returncode
                )
                return False
        if self.is_frozen.is_set():
            logger.error("A cluster is frozen: its messages do not reach a worker; all are stopped.")
            return False
        return True

    def _look_out(self) -> None:
        """The reaper's own clock: a pass at once, and every 15 seconds. Whatever happens, the next one comes."""
        began, has_schedules = time.monotonic(), False
        while not self.is_stopping.is_set():
            try:
                close_old_connections()
                begins = time.monotonic()
                reap()
                show_crew(own_facts(self.queues))
                if time.monotonic() - begins > SIGN_STALE_SECONDS:
                    began = time.monotonic()  # a long recovery: nobody asked the short queue for a sign meanwhile
                if not has_schedules:
                    ensure_schedules()
                    has_schedules = True
                if not is_queue_up():  # nobody is deaf where nobody calls
                    began = time.monotonic()
                if time.monotonic() - began > FROZEN_SECONDS and self._has_frozen():
                    self.is_frozen.set()
            except DatabaseError as error:  # it may be away for as long as it likes
                began = time.monotonic()
                logger.warning("The look-out does not reach the portal's database: %s", str(error).strip())
            except Exception:
                logger.exception("The look-out could not make its pass; it tries again.")
            self.is_stopping.wait(REAP_EVERY_SECONDS)
        connection.close()

    def _has_frozen(self) -> bool:
        """An idle worker that is killed may leave the library's cluster alive and deaf, for good."""
        is_deaf = PORTAL in self.queues and sign_ages().get(PORTAL, FROZEN_SECONDS + 1) > FROZEN_SECONDS
        return is_deaf or any(queue in self.queues for queue in stuck_queues())

    def _drain(self) -> None:
        """Let the clusters hand back what may be repeated and end; a second signal is not patient."""
        self.is_stopping.set()
        told = self.signals
        for cluster in self.clusters:
            with contextlib.suppress(ProcessLookupError):
                cluster.send_signal(signal.SIGTERM)
        deadline = time.monotonic() + STOP_WITHIN_SECONDS
        while any(cluster.poll() is None for cluster in self.clusters) and self.signals == told:
            if time.monotonic() > deadline:
                if not self._holds_unrepeatable():
                    logger.error("A cluster did not end in time and is killed; what it did is found by the reaper.")
                    return
                deadline = time.monotonic() + ASK_AGAIN_EVERY_SECONDS
            time.sleep(LOOK_EVERY_SECONDS)

    def _holds_unrepeatable(self) -> bool:
        """Whether a worker here is at something that is finished rather than handed back."""
        here = me().rpartition("|")[0]
        rows = Operation.objects.filter(status=Status.RUNNING, may_repeat=False, owner__startswith=f"{here}|")
        sessions = {cluster.pid for cluster in self.clusters}
        try:
            pids = [int(owner.rpartition("|")[2]) for owner in rows.values_list("owner", flat=True)]
        except DatabaseError:
            return False
        return any(_session_of(pid) in sessions for pid in pids)

    def _clear(self) -> None:
        """Kill whatever of a cluster is left, last."""
        for cluster in self.clusters:
            kill_session(cluster.pid)
            cluster.kill()
            cluster.wait()


def _session_of(pid: int) -> int:
    try:
        return os.getsid(pid)
    except ProcessLookupError:
        return -1
