"""One demo for all of its tests: it takes most of a minute to make its history."""

from collections.abc import Iterator

import pytest

from tests.portal.demo.running import RunningDemo


@pytest.fixture(scope="session")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningDemo]:
    demo = RunningDemo(tmp_path_factory.mktemp("demo") / "var")
    yield demo
    demo.interrupt()
