"""The demo's small app as a real one: supervisord runs it, it has a page, and the portal stops and starts it."""

import json
import shlex
import shutil
import subprocess
import sys
import tempfile
import urllib.request
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import psycopg

from environments.models import Environment
from portal.demo import orders
from portal.demo.places import connection_of
from portal.demo.supervisor import Supervisor
from tests.redis_server import free_port
from tests.workers import eventually

MINE, DRAWING = "portal-desk", "<svg xmlns='http://www.w3.org/2000/svg'/>"


class Desk:
    """The app of one environment. Its page is what people see of the data."""

    def __init__(self, environment: Environment) -> None:
        self.environment = environment
        self.folder = Path(tempfile.mkdtemp(prefix=MINE))  # short: a socket's path has 107 bytes
        self.port = free_port()  # the system never gives one to two at once
        settings = self.folder / "app.json"
        settings.write_text(json.dumps(self._settings()))
        command = shlex.join([sys.executable, "-m", "portal.demo.toy", str(settings)])
        program: Any = SimpleNamespace(place=SimpleNamespace(slug="desk"), command=lambda: command)
        supervisor = Supervisor(self.folder, self.folder, self.folder)
        supervisor.write([program])
        self.process = subprocess.Popen(supervisor.arguments(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        environment.commands = {"supervisor": f"{supervisor.socket} desk"}
        environment.save()
        eventually(lambda: self.shown)

    def _settings(self) -> dict[str, Any]:
        model = self.folder / "model-version"
        model.write_text("1.4.2.118")
        return {
            "app": "Order Desk",
            "place": self.environment.name,
            "is_production": False,
            "port": self.port,
            "database": connection_of(self.environment.database_address),
            "files": self.environment.files_directory,
            "model_file": str(model),
        }

    @property
    def shown(self) -> str:
        """Its page; empty while it does not run."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/", timeout=10) as answer:
                return str(answer.read().decode())
        except OSError:
            return ""

    def end(self) -> None:
        self.process.terminate()
        self.process.wait(30)
        shutil.rmtree(self.folder, ignore_errors=True)


def leave_traces(environment: Environment, customer: str, picture: str) -> None:
    """What people did in this environment's app: an order of a customer, and a picture."""
    with psycopg.connect(**connection_of(environment.database_address)) as db:
        orders.make_tables(db)
        orders.add_order(db, customer=customer, product="Copper kettle", quantity=2)
    orders.keep_picture(Path(environment.files_directory), picture, DRAWING.encode())
