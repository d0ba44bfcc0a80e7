"""A tiny network, and pictures for it."""

from tests.test_apis.conftest import checkpoint, folder, pictures, video  # noqa: F401
