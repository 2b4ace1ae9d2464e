"""README promises what there is, and nothing else."""

import re
from pathlib import Path

from django.core.management import get_commands

from portal.config import Config

ROOT = Path(__file__).resolve().parent.parent
README = (ROOT / "README.md").read_text()
WINGS = ("portal", "environments", "backups")


def section(title: str) -> str:
    return README.split(f"\n## {title}\n")[1].split("\n## ")[0]


def first_cells(text: str) -> list[str]:
    """The first word of each piece of code in the first column of a table."""
    cells = re.findall(r"^\| (`.+?) \|", text, re.MULTILINE)
    return [word for cell in cells for word in re.findall(r"`(\w+)", cell)]


def test_every_setting_is_listed_and_every_listed_one_exists() -> None:
    assert first_cells(section("Settings")) == list(Config.model_fields)


def test_every_setting_is_described_as_the_code_does() -> None:
    rows = dict(re.findall(r"^\| `(\w+)` \| (.+?) \|", section("Settings"), re.MULTILINE))

    assert rows == {name: field.description for name, field in Config.model_fields.items()}


def test_every_command_is_listed_and_every_listed_one_exists() -> None:
    ours = {name for name, app in get_commands().items() if str(app).startswith(WINGS)}

    assert sorted(first_cells(section("Commands"))) == sorted(ours)


def test_every_room_of_the_plan_exists() -> None:
    rooms = re.findall(r"`([a-z_]+/[\w/]*(?:\.py)?)`", section("The plan of the house, in reading order"))

    assert rooms
    assert [room for room in rooms if not (ROOT / room).exists()] == []


def test_every_make_target_in_it_exists() -> None:
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))

    assert set(re.findall(r"(?:`|    )make (?:-C portal )?([a-z]+)", README)) <= targets


def test_every_link_into_it_has_its_heading() -> None:
    headings = {
        re.sub(r"[^\w -]", "", line).replace(" ", "-").lower() for line in re.findall(r"^## (.+)", README, re.M)
    }

    assert set(re.findall(r"\]\(#([\w-]+)\)", README)) <= headings
