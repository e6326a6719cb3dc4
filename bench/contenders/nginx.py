"""nginx with `proxy_pass`: the floor. It relays, and looks a key up in a table."""

from __future__ import annotations

import shutil
import subprocess

from bench.contenders.contender import KEYS, Command, Contender, Place
from bench.contenders.installed import debian_binary, folder

_BINARY = "usr/sbin/nginx"
_CONFIGURATION = """\
daemon off;
worker_processes 1;
pid {folder}/nginx.pid;
error_log stderr crit;
events {{ worker_connections {connections}; }}
http {{
  access_log off;
  tcp_nodelay on;
  keepalive_requests 1000000000;
  client_body_temp_path {folder}/body;
  proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi;
  scgi_temp_path {folder}/scgi;
  map $http_authorization $known {{
    default 0;
{keys}
  }}
  upstream models {{
    server 127.0.0.1:{upstream};
    keepalive 1024;
    keepalive_requests 1000000000;
  }}
  server {{
    listen 127.0.0.1:{port} backlog=4096;
    location = /health {{ return 200; }}
    location / {{
      if ($known = 0) {{ return 401; }}
      proxy_pass http://models;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_buffering off;
      proxy_read_timeout 300s;
    }}
  }}
}}
"""


class Nginx(Contender):
    name = "nginx"
    keys = True
    lacks = "reads nothing of what it relays: no users, limits, metering or records; its keys are lines of its file"

    def __init__(self, connections: int = 1024) -> None:
        """`connections` to clients and upstreams together: each one possible takes memory."""
        self._connections = connections

    def install(self) -> None:
        if shutil.which("nginx") is None:
            debian_binary("nginx", _BINARY)

    def version(self) -> str:
        told = subprocess.run([self._program(), "-v"], capture_output=True, text=True, check=True).stderr
        return told.strip().rpartition("/")[2]

    def command(self, place: Place) -> Command:
        file = place.folder / "nginx.conf"
        file.write_text(configuration(place, self._connections))
        return Command([self._program(), "-e", "stderr", "-p", str(place.folder), "-c", str(file)])

    def _program(self) -> str:
        return shutil.which("nginx") or str(folder("nginx") / _BINARY)


def configuration(place: Place, connections: int) -> str:
    return _CONFIGURATION.format(
        folder=place.folder,
        port=place.port,
        upstream=place.upstream,
        connections=connections,
        keys="\n".join(f'    "Bearer {key}" 1;' for key in KEYS),
    )
