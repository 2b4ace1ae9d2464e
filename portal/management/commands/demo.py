"""The whole portal on this machine, with a small real app in three environments, and a history."""

import textwrap
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from portal.demo.failures import DemoFailed
from portal.demo.launch import Demo, Ended
from portal.demo.people import PEOPLE, make_people, passwords
from portal.demo.registry import register_places


class Command(BaseCommand):
    help = "Bring the whole portal up on embedded parts. Ctrl-C ends everything."
    requires_system_checks: list[str] = []

    def handle(self, *args: Any, **options: Any) -> None:
        if not settings.BASE_URL.startswith("http://"):
            raise CommandError("The demo runs without https: leave PORTAL_BASE_URL out, or let it begin with http://.")
        try:
            with Demo(self._say) as demo:
                self._bring_up(demo)
                demo.watch()
        except Ended:
            self._say("Everything that the demo started has ended.")
        except DemoFailed as error:
            raise CommandError(str(error)) from None

    def _bring_up(self, demo: Demo) -> None:
        demo.prepare_portal()
        demo.start_databases()
        make_people(demo.folder)
        supervisor = demo.start_apps()
        register_places(demo.grounds, demo.folder, supervisor, self._say)
        address = demo.start_portal()
        self._say(self._welcome(address, demo))

    def _welcome(self, address: str, demo: Demo) -> str:
        known = passwords(demo.folder)
        people = "\n".join(f"  {one.username:<9} {known[one.username]:<14} {one.words}" for one in PEOPLE)
        apps = "\n".join(f"  {ground.place.name:<11} {ground.url}" for ground in demo.grounds)
        return textwrap.dedent("""
            The portal is at {address}

            Sign in as
            {people}

            The app Order Desk runs at
            {apps}

            Uploads are accepted although the embedded client programs are below the safe versions
            (PORTAL_ALLOW_OLD_CLIENTS); in production that setting stays off.
            Everything lies in {folder}. Ctrl-C ends it.
        """).format(address=address, people=people, apps=apps, folder=settings.DATA_DIR)

    def _say(self, text: str) -> None:
        self.stdout.write(text)
        self.stdout.flush()
