"""The listening socket."""

import pytest

from pollux.listener import bind


@pytest.mark.parametrize("host", ["127.0.0.1", "::1", "[::1]"])
def test_host_is_listened_on_however_it_is_written(host: str) -> None:
    with bind(host, 0) as listener:
        assert listener.getsockname()[0] == host.strip("[]")
