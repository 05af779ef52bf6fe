#!/bin/sh
# Installs Pollux, or brings it up to date, on Linux, macOS and Termux, into an environment of its own.
#
#   sh deploy/install/install.sh                          from this checkout
#   curl -fsSL ADDRESS/install.sh | sh -s -- SOURCE       from SOURCE: an archive or wheel, or a directory, that pip installs
#
# POLLUX_HOME says where to (root: /opt/pollux; else ~/.local/share/pollux), PYTHON which Python (3.11 or newer).
# To uninstall: delete that directory, and the link `pollux`. Credentials and state are not in it.
set -eu

say() { printf '%s\n' "pollux: $*"; }
fail() {
  printf '%s\n' "pollux: $*" >&2
  exit 1
}

on_termux() { case "${PREFIX:-}" in *com.termux*) true ;; *) false ;; esac; }

source_to_install() { # the argument, else the checkout that this script lies in
  if [ -n "${1:-}" ]; then
    printf '%s' "$1"
    return
  fi
  checkout=$(CDPATH='' cd -- "$(dirname -- "$0")/../.." 2>/dev/null && pwd) || checkout=
  [ -f "$checkout/pollux/__init__.py" ] || fail "say what to install: sh -s -- SOURCE (an archive, wheel or directory)"
  printf '%s' "$checkout"
}

python_to_use() {
  for candidate in "${PYTHON:-}" python3 python3.14 python3.13 python3.12 python3.11 python; do
    [ -n "$candidate" ] || continue
    if "$candidate" -c 'import sys, ensurepip, venv; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
      command -v "$candidate"
      return
    fi
  done
  fail "no Python 3.11 or newer with venv: apt install python3-venv, dnf install python3, brew install python, or PYTHON=..."
}

install_on_termux() { # cryptography comes from Termux, which has built it; uvloop does not build there and is not needed
  say "on Termux some libraries are compiled: this takes a while"
  pkg install -y python python-cryptography clang make rust binutils
  python=$(python_to_use)
  "$python" -m venv --system-site-packages "$home"
  "$home/bin/python" -m pip install --disable-pip-version-check --upgrade --no-deps "$source"
  "$home/bin/python" - <<'PYTHON' >"$home/needs.txt"
from importlib.metadata import requires

for need in requires("pollux") or ():
    if "extra ==" not in need and not need.startswith("uvloop"):
        print(need)
PYTHON
  "$home/bin/python" -m pip install --disable-pip-version-check --requirement "$home/needs.txt"
}

install_elsewhere() {
  python=$(python_to_use)
  "$python" -m venv "$home"
  "$home/bin/python" -m pip install --disable-pip-version-check --quiet --upgrade "$source"
}

link() { # where the shell finds it
  if on_termux; then
    bin=$PREFIX/bin
  elif [ "$(id -u)" -eq 0 ]; then
    bin=${POLLUX_BIN:-/usr/local/bin}
  else
    bin=${POLLUX_BIN:-$HOME/.local/bin}
  fi
  mkdir -p "$bin"
  ln -sf "$home/bin/pollux" "$bin/pollux"
  case ":$PATH:" in
    *":$bin:"*) command=pollux ;;
    *) command=$bin/pollux ;;
  esac
}

main() {
  source=$(source_to_install "${1:-${POLLUX_SOURCE:-}}")
  if [ "$(id -u)" -eq 0 ]; then
    home=${POLLUX_HOME:-/opt/pollux}
  else
    home=${POLLUX_HOME:-$HOME/.local/share/pollux}
  fi
  say "installing $source into $home"
  if on_termux; then install_on_termux; else install_elsewhere; fi
  link
  say "$("$home/bin/pollux" --version) is installed"
  say "without an account:  $command demo"
  say "with a Gemini key:   GEMINI_API_KEYS=... $command"
  say "credentials and state are kept in the directory that it is started in, unless CREDENTIALS_DIR and DATA_DIR say otherwise"
}

main "$@"
