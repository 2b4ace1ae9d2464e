"""doctor: whether the S3 stores of uploaded files answer."""

from dataclasses import replace

import pytest

from tests.factories import EnvironmentFactory
from tests.stores.uploads import Uploads

from .test_doctor import findings, only

pytestmark = pytest.mark.django_db


def test_uploaded_files_on_s3_say_what_is_missing(uploads: Uploads) -> None:
    good, bad = EnvironmentFactory(), EnvironmentFactory()
    assert "Uploaded files" not in findings()
    good.files_address, bad.files_address = uploads.address, replace(uploads.address, secret="wrong")
    good.save()
    bad.save()

    [missing, answering] = findings()["Uploaded files"]
    assert (missing["level"], answering["level"]) == ("missing", "good")
    assert missing["sentence"].startswith(f"Those of {bad} cannot be read: The store at {uploads.address.endpoint}")
    assert answering["sentence"] == "The S3 stores of 1 of 2 environments answer."

    bad.files_secret = "gAAAAA"
    bad.save()
    assert "The key of the stored passwords" in only("Keys")[1]
