"""Stores that tests may ask for."""

import uuid
from collections.abc import Callable, Iterator

import pytest

from environments.addresses import DatabaseAddress
from environments.models import Environment
from tests.factories import EnvironmentFactory

from .rclone import RcloneStore
from .scripted import ScriptedStore
from .uploads import Uploads
from .vaults import BUCKET


@pytest.fixture(scope="session")
def real_store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RcloneStore]:
    """A real S3 store of this run alone, with a bucket. Each test takes a prefix of its own."""
    store = RcloneStore(tmp_path_factory.mktemp("s3"))
    store.make_bucket(BUCKET)
    store.start()
    yield store
    store.stop()


@pytest.fixture
def scripted_store() -> Iterator[ScriptedStore]:
    """An empty S3 store that fails as it is told."""
    store = ScriptedStore().start()
    yield store
    store.stop()


@pytest.fixture
def uploads(real_store: RcloneStore) -> Uploads:
    """An app's uploaded files in the real store, still none."""
    return Uploads(real_store.endpoint, f"{uuid.uuid4().hex[:12]}/uploads")


@pytest.fixture
def scripted_uploads(scripted_store: ScriptedStore) -> Uploads:
    """An app's uploaded files in the store that fails as it is told, still none."""
    return Uploads(scripted_store.endpoint, "app/uploads")


@pytest.fixture
def make_bucket_place(db: None, make_database: Callable[..., DatabaseAddress]) -> Callable[..., Environment]:
    """A function that makes a real environment: a database with these statements run, and files in a bucket."""

    def make(uploads: Uploads, *statements: str, **fields: object) -> Environment:
        environment: Environment = EnvironmentFactory.create(**fields)
        environment.files_address = uploads.address
        environment.database_address = make_database(*statements)
        environment.save()
        return environment

    return make
