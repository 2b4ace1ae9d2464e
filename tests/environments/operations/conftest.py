"""Registering without a database: what is said of it, and that a refusal changes nothing."""

from collections.abc import Callable
from datetime import time
from pathlib import Path
from typing import Any

import pytest
from django.forms.models import model_to_dict

from environments import inspections
from environments.actors import Actor
from environments.errors import Refused, RegistrationRefused
from environments.models import Activity, App, AppService, Environment, Package
from environments.operations.register import Registered, Wishes, register
from tests.factories import RegionFactory, RegionStartFactory

Say = Callable[..., Registered]
BY = Actor("Command line (root)", "command_line")
URL = "postgresql://shop:s3cret@127.0.0.1:1/shop"


@pytest.fixture
def regions(db: None) -> None:
    RegionStartFactory(region=RegionFactory(), cloud_version="v3", starts_at=time(22))
    RegionStartFactory()
    asia = RegionFactory(slug="asia-pacific", name="Asia Pacific", zone="Asia/Tokyo")
    RegionStartFactory(region=asia, cloud_version="v4", starts_at=time(16))


@pytest.fixture
def seen(monkeypatch: pytest.MonkeyPatch) -> list[Environment]:
    """The environments whose databases were looked at. How databases are looked at is tested with the engines."""
    looked: list[Environment] = []

    def look(environment: Environment) -> list[str]:
        looked.append(environment)
        if environment.database_address.name == "gone":
            raise RegistrationRefused("The server has no database gone.")
        return ["It is a database."]

    monkeypatch.setattr(inspections, "_inspections", [("database", look)])
    return looked


@pytest.fixture
def files(tmp_path: Path) -> str:
    (tmp_path / "files").mkdir()
    return str(tmp_path / "files")


@pytest.fixture
def say(files: str, regions: None, seen: list[Environment]) -> Say:
    """Registers order-desk/live, with a database and a directory, and whatever else is said."""

    def register_with(name: str = "order-desk/live", **wishes: Any) -> Registered:
        return register(name, Wishes(**{"database": URL, "files": files, **wishes}), by=BY)

    return register_with


def everything() -> list[Any]:
    models = (App, Environment, Package, AppService, Activity)
    return [model_to_dict(row) | {"id": row.pk} for model in models for row in model.objects.order_by("pk")]  # type: ignore[attr-defined]


def refusal_of(call: Callable[[], object]) -> str:
    """The sentence, after a look that nothing was changed."""
    before = everything()
    with pytest.raises(Refused) as refusal:
        call()
    assert everything() == before
    assert "s3cret" not in str(refusal.value)
    return str(refusal.value)


def elsewhere(say: Say, **wishes: Any) -> Registered:
    """Another environment, whose own directory is beside the first one's."""
    wishes.setdefault("files", str(Path(Environment.objects.get().files_directory).parent / "second"))
    Path(wishes["files"]).mkdir(exist_ok=True)
    return say("order-desk/second", **{"database": URL.replace("/shop", "/second"), **wishes})
