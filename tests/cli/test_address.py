import socket

import pytest

from tollkeeper.cli.address import require_free
from tollkeeper.cli.failure import Failure


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_a_taken_port_is_named_with_what_to_do(host: str) -> None:
    with socket.create_server((host, 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(Failure, match=rf"port {port} on {host} is taken .*--port"):
            require_free(host, port)


def test_a_free_port_stays_free() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    require_free("127.0.0.1", port)
    require_free("127.0.0.1", port)


def test_an_address_that_is_not_ours() -> None:
    with pytest.raises(Failure, match=r"cannot listen on 192\.0\.2\.1 port 8000"):
        require_free("192.0.2.1", 8000)
