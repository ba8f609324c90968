"""The stack of ``lustre_scenes``, synthesised once for all tests of file systems."""

import pytest
from lustre_scenes import World, file_systems

from constructs_lib.lustre import LustreFileSystem


@pytest.fixture(scope="session")
def world() -> World:
    return World()


@pytest.fixture(scope="session")
def made(world: World) -> dict[str, LustreFileSystem]:
    return file_systems(world)


@pytest.fixture(scope="session")
def template(world: World, made: dict[str, LustreFileSystem]) -> dict:
    return world.app.synth().stacks[0].template
