# Sourced by preview and test. `setup EXTRA` makes .venv hold what requirements.lock pins ("" or "test").
# It writes to .venv alone; what the system lacks is said in one line with the command that brings it.

fail() {
  printf 'error: %s\n' "$1" >&2
  exit 1
}

# Prints a Python of 3.11.5 or newer; $PYTHON names one to use first.
find_python() {
  for candidate in ${PYTHON:-} python3 python3.14 python3.13 python3.12 python3.11 python; do
    if "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11, 5))' 2>/dev/null; then
      command -v "$candidate"
      return
    fi
  done
  return 1
}

install() {
  "$uv" pip install --quiet --python .venv/bin/python --constraint requirements.lock --editable "$1"
}

setup() {
  extra=$1
  target=.${extra:+[$extra]}
  drawings=.[drawings${extra:+,$extra}]
  stamp=.venv/installed-${extra:-site}
  wanted=$(cat pyproject.toml requirements.lock | cksum)
  if .venv/bin/python -c '' 2>/dev/null && [ "$(cat "$stamp" 2>/dev/null)" = "$wanted" ]; then
    return
  fi
  printf 'setting up .venv …\n' >&2
  if ! .venv/bin/python -c 'import sys; sys.exit(sys.version_info < (3, 11, 5))' 2>/dev/null; then
    python=$(find_python) || fail "Python 3.11.5 or newer is needed ($(python3 --version 2>&1) found): install one, or name it: PYTHON=/path/to/python3 $0"
    rm -rf .venv
    "$python" -m venv .venv >/dev/null 2>&1 || {
      rm -rf .venv
      fail "$python cannot make a virtual environment: on Debian, sudo apt-get install python3-venv"
    }
  fi
  uv=$(command -v uv || printf '%s' .venv/bin/uv)
  if [ ! -x "$uv" ]; then
    .venv/bin/python -m pip install --quiet uv ||
      fail "uv could not be fetched: the first set-up needs the network (later ones do not); run $0 again when it is back"
  fi
  if ! install "$drawings" 2>/dev/null; then
    # Either nothing can be installed, which the second try says, or merman has no wheel for this machine.
    install "$target" ||
      fail "the packages could not be installed (above: why). No network: run $0 again when it is back. No solution: requirements.lock does not match pyproject.toml, so run $(sed -n 's/^#    //p' requirements.lock)"
    printf 'merman has no wheel for this machine: diagrams are drawn in the browser\n' >&2
  fi
  .venv/bin/handbook check pyproject.toml >&2 || exit 1
  printf '%s' "$wanted" >"$stamp"
}
