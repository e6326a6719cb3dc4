# shellcheck shell=bash
# The clients of docs/clients.md, for tests/clients/ and tests/agents/; source it after lib.sh and node.sh.
#   ensure_clients            each lies below $cache/clients/, in a folder named after its pins
#   ensure_open_id_provider   the OpenID provider of tests/open_id/ lies there, too

# pins_of FILE…: the name of a folder for what they pin.
pins_of() { cat "$@" | sha256sum | cut -c -12; }

# ensure_python_clients NAME: an environment of its own for what requirements/clients-NAME.txt pins.
ensure_python_clients() {
  local place new
  # shellcheck disable=SC2154  # from lib.sh
  place="$cache/clients/$1-$(pins_of "requirements/clients-$1.txt")"
  [ -e "$place" ] && return
  ensure_uv
  say "installing what requirements/clients-$1.txt pins"
  new=$(mktemp -d "$cache/new.XXXXXX")
  uv venv $quiet --relocatable --clear --python "$(find_python)" "$new"
  uv pip sync $quiet --python "$new/bin/python" --compile-bytecode --require-hashes "requirements/clients-$1.txt"
  mv -T "$new" "$place"
}

ensure_node_clients() {
  local sources=tests/clients/node place new
  place="$cache/clients/node-$(pins_of $sources/package.json $sources/package-lock.json $sources/.npmrc)"
  [ -e "$place" ] && return
  ensure_node
  say "installing what $sources/package-lock.json pins"
  new=$(mktemp -d "$cache/new.XXXXXX")
  cp $sources/package.json $sources/package-lock.json $sources/.npmrc "$new"
  # Of all scripts of packages these alone are run: they put the binaries for this machine in place.
  (cd "$new" && npm ci --ignore-scripts --no-progress --loglevel=error --cache "$cache/npm" &&
    node node_modules/opencode-ai/postinstall.mjs && node node_modules/@anthropic-ai/claude-code/install.cjs) >&2
  mv -T "$new" "$place"
}

ensure_open_id_provider() {
  local sources=tests/open_id/node place new
  place="$cache/clients/open-id-$(pins_of $sources/package.json $sources/package-lock.json $sources/.npmrc)"
  [ -e "$place" ] && return
  ensure_node
  mkdir -p "$cache/clients"
  say "installing what $sources/package-lock.json pins"
  new=$(mktemp -d "$cache/new.XXXXXX")
  cp $sources/package.json $sources/package-lock.json $sources/.npmrc "$new"
  (cd "$new" && npm ci --ignore-scripts --no-progress --loglevel=error --cache "$cache/npm") >&2
  mv -T "$new" "$place"
}

ensure_clients() {
  mkdir -p "$cache/clients"
  have curl || install_packages curl
  local name
  for name in python pydantic-ai llama-index aider; do ensure_python_clients "$name"; done
  ensure_node_clients
}
