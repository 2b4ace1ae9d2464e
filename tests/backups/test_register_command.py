"""register_environment, from the outside: lines, JSON, exit codes, and no password anywhere."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from io import StringIO
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from django.test import Client
from django.urls import reverse

from environments.addresses import DatabaseAddress
from environments.models import Activity, Environment
from tests.factories import RegionFactory, RegionStartFactory
from tests.stores.uploads import Uploads
from tests.stores.vaults import KEY, SECRET
from tests.workers import ROOT

pytestmark = pytest.mark.django_db
NAME = "order-desk/live"
Run = Callable[..., str]


@pytest.fixture(autouse=True)
def region(db: None) -> None:
    RegionStartFactory()
    RegionStartFactory(region=RegionFactory(slug="us-east", name="US East", zone="America/New_York"))


@pytest.fixture
def address(make_database: Callable[..., DatabaseAddress]) -> DatabaseAddress:
    return make_database("CREATE TABLE one (n int)")


@pytest.fixture
def url(address: DatabaseAddress) -> str:
    return url_of(address)


@pytest.fixture
def files(tmp_path: Path) -> str:
    return str(tmp_path)


def url_of(address: DatabaseAddress) -> str:
    """With the password in it."""
    return address.to_url().replace("@", f":{quote(address.password, safe='')}@", 1)


def run(*arguments: str) -> str:
    out = StringIO()
    call_command("register_environment", *arguments, stdout=out)
    return out.getvalue()


def refusal_of(*arguments: str) -> str:
    with pytest.raises(CommandError) as refusal:
        run(*arguments)
    assert refusal.value.returncode == 1
    return str(refusal.value)


def test_one_line_says_what_was_found_and_what_can_be_put_back(url: str, files: str, address: DatabaseAddress) -> None:
    said = run(NAME, "--database", url, "--files", files)

    assert said.count("\n") == 1
    assert said.startswith("order-desk/live registered. PostgreSQL 17.")
    assert "own backups can be put back" in said
    assert address.password not in said
    assert Environment.objects.get().database_address == address


def test_every_flag_arrives(url: str, files: str, address: DatabaseAddress) -> None:
    flags = "--production --region us-east --cloud-version v4 --nightly off --model-version 1.4 --modeler-version 7.23"
    commands = {name: f"do {name}" for name in ("status", "stop", "start", "deploy", "undeploy", "services")}
    given = [word for name, line in commands.items() for word in (f"--{name}-command", line)]
    services = ["--service", "Orders=2.0", "--service", "a=b=1"]
    admin = ["--admin-database", url, "--template-database", "template0"]

    shown = json.loads(
        run(NAME, "--database", url, "--files", files, *flags.split(), *given, *services, *admin, "--json")
    )

    environment = Environment.objects.get()
    assert shown | {"remarks": []} == {
        "environment": NAME,
        "id": str(environment.pk),
        "is_new": True,
        "database": address.to_url(),
        "files": files,
        "production": True,
        "region": "us-east",
        "cloud_version": "v4",
        "nightly": False,
        "model_version": "1.4",
        "modeler_version": "7.23",
        "state": "unknown",
        "remarks": [],
        "contact": None,
        "invitation": None,
    }
    assert environment.commands == commands
    assert (environment.admin_address, environment.template_database) == (address, "template0")
    found = environment.services.values_list("name", "version")  # type: ignore[attr-defined]
    assert set(found) == {("Orders", "2.0"), ("a=b", "1")}


def test_a_second_call_changes_what_is_said_and_nothing_else(url: str, files: str) -> None:
    run(NAME, "--database", url, "--files", files, "--production")

    said = run(NAME, "--nightly", "off")

    environment = Environment.objects.get()
    assert said == "order-desk/live is up to date.\n"
    assert (environment.is_nightly_on, environment.is_production) == (False, True)


def test_the_contact_gets_a_link_that_works(url: str, files: str, client: Client) -> None:
    said = run(NAME, "--database", url, "--files", files, "--contact", "ines@example.org")

    link = re.search(r"http://\S+", said)
    assert link
    assert "ines@example.org" in said
    assert client.get(link[0].removeprefix("http://127.0.0.1:8000")).status_code == 200
    again = json.loads(run(NAME, "--contact", "ines@example.org", "--json"))
    assert client.get(link[0].removeprefix("http://127.0.0.1:8000")).status_code == 410
    assert again["invitation"].startswith(f"http://127.0.0.1:8000{reverse('environments:invitation', args=['x'])[:-2]}")
    User.objects.update(is_active=True)
    assert "ines@example.org has an account" in run(NAME, "--contact", "ines@example.org")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--service", "Orders"], "is not written NAME=VERSION"),
        (["--contact", "nobody"], "is no mail address"),
        (["--region", "mars"], "There is no region 'mars'"),
        (["--files", "here"], "is no absolute path"),
    ],
)
def test_what_does_not_fit_is_refused_before_anything_is_made(
    url: str, files: str, arguments: list[str], said: str
) -> None:
    assert said in refusal_of(NAME, "--database", url, "--files", files, *arguments)
    assert not Environment.objects.exists()
    assert not Activity.objects.exists()
    assert not User.objects.exists()


def test_a_wrong_database_is_refused_without_its_password(address: DatabaseAddress, files: str) -> None:
    wrong = url_of(address).replace(f"/{address.name}?", "/nothing?")

    said = refusal_of(NAME, "--database", wrong, "--files", files)

    assert "has no database nothing" in said
    assert address.password not in said
    assert quote(address.password, safe="") not in said


def test_wrong_usage_is_argparses_own(url: str) -> None:
    for arguments in ([], [NAME, "--nightly", "maybe"], [NAME, "--explode"]):
        with pytest.raises((SystemExit, CommandError)) as end:
            run(*arguments)
        assert getattr(end.value, "returncode", getattr(end.value, "code", None)) in (1, 2)


@pytest.fixture
def outside(process_environ: dict[str, str]) -> Callable[..., "subprocess.CompletedProcess[str]"]:
    """The command as a process of its own."""

    def call(*arguments: str, stdin: str = "") -> "subprocess.CompletedProcess[str]":
        command = [sys.executable, "manage.py", "register_environment", *arguments]
        return subprocess.run(command, cwd=ROOT, env=process_environ, input=stdin, text=True, capture_output=True)

    return call


@pytest.mark.django_db(transaction=True)
def test_the_exit_codes_and_an_address_from_stdin(
    outside: Callable[..., Any], url: str, files: str, address: DatabaseAddress
) -> None:
    done = outside(NAME, "--database", "-", "--files", files, stdin=f"{url}\n")
    nothing = outside(NAME, "--database", "-", stdin="")
    refused = outside(NAME, "--database", "-", "--files", files, stdin=url.replace("postgresql://", "mysql://"))
    misused = outside(NAME, "--nightly", "maybe")

    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("order-desk/live registered.")
    assert Environment.objects.get().database_address == address
    assert nothing.returncode == 1
    assert nothing.stderr == "There was no database address on stdin. Nothing was changed.\n"
    assert refused.returncode == 1
    assert refused.stderr.startswith("The database address is not readable")
    assert refused.stderr.count("\n") == 1
    assert misused.returncode == 2
    written = done.stdout + nothing.stderr + refused.stderr
    assert quote(address.password, safe="") not in written
    assert address.password not in written
    assert os.linesep.join(["", ""]) not in done.stdout.strip()


def test_files_in_a_bucket_are_looked_at_and_their_secret_is_never_said(url: str, uploads: Uploads) -> None:
    address = uploads.address
    place = f"s3://{KEY}:{SECRET}@{address.bucket}/{address.prefix}?endpoint={address.endpoint}"
    said = run(NAME, "--database", url, "--files", place)
    assert f"Nothing lies in s3://{KEY}@{address.bucket}/{address.prefix}?endpoint={address.endpoint} yet" in said
    uploads.put("one.txt", "one")
    said += run(NAME, "--files", place)
    assert "The store of uploaded files answers." in said
    assert SECRET not in said

    refused = {
        f"s3://{KEY}:wrong@{address.bucket}/x?endpoint={address.endpoint}": "does not accept the secret",
        f"s3://nobody:{SECRET}@{address.bucket}/x?endpoint={address.endpoint}": "does not know the key",
        f"s3://{KEY}:{SECRET}@no-bucket/x?endpoint={address.endpoint}": "There is no bucket no-bucket",
        f"s3://{KEY}:{SECRET}@{address.bucket}/x?endpoint=http://127.0.0.1:9": "nothing answers at http://127.0.0.1:9",
    }
    for files, why in refused.items():
        sentence = refusal_of(NAME, "--files", files)
        assert why in sentence
        assert SECRET not in sentence
    assert Environment.objects.get().files_address.prefix == address.prefix
