#!/usr/bin/env bash
# Puts what the monitor runs on into .venv; in well under a second when it is there already.
#
#   ./setup.sh          what `make run` needs
#   ./setup.sh tests    also what tests and checks need
#
# As root on Debian it installs the Debian packages that are missing; otherwise it says which they are.
set -euo pipefail
cd "$(dirname "$0")"

MYSQL_PACKAGES=(default-libmysqlclient-dev pkg-config gcc libc6-dev)
MARIADB_PACKAGES=(mariadb-server-core mariadb-client-core) # the programs alone: nothing starts by itself
WHAT=${1:-run}
LISTS=(requirements.txt)
[[ $WHAT == run ]] || LISTS+=(requirements-dev.txt)

say() { printf 'set-up: %s\n' "$*" >&2; }
fail() { say "$*"; exit 1; }

is_root_on_debian() { [[ $(id -u) == 0 && -f /etc/debian_version ]] && command -v apt-get >/dev/null; }

APT_UPDATED=
install_packages() { # quiet unless it fails
    local log
    log=$(mktemp)
    say "installing $*"
    if [[ -z $APT_UPDATED ]]; then
        apt-get update -qq >"$log" 2>&1 || { cat "$log" >&2; rm -f "$log"; return 1; }
        APT_UPDATED=yes
    fi
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@" >"$log" 2>&1 </dev/null ||
        { cat "$log" >&2; rm -f "$log"; return 1; }
    rm -f "$log"
}

find_python() { # 3.11 first: it is what the monitor is tested with
    local name
    for name in python3.11 python3 python3.12 python3.13 python3.14; do
        if "$name" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
            command -v "$name"
            return
        fi
    done
    return 1
}

make_venv() {
    local python
    if ! python=$(find_python); then
        is_root_on_debian || fail "Python 3.11 or newer is needed: install it (Debian 12: apt install python3 python3-venv), then start again."
        install_packages python3 python3-venv || true
        python=$(find_python) || fail "Python 3.11 or newer is needed, and Debian offers none here: install it, then start again."
    fi
    if ! "$python" -c 'import ensurepip, venv' 2>/dev/null; then
        is_root_on_debian || fail "Python's venv module is missing: install it (Debian: apt install python3-venv), then start again."
        install_packages python3-venv || fail "Python's venv module is missing and could not be installed."
    fi
    say "making .venv with $("$python" -V)"
    "$python" -m venv --clear .venv || fail "making .venv failed; the lines above say why."
}

pip_install() { # shows errors and nothing else
    .venv/bin/python -m pip install -qq --disable-pip-version-check --no-input "$@" </dev/null
}

# mysqlclient is the only package without a wheel. SQLite runs without it, so its absence is no error.
has_mysqlclient() { compgen -G '.venv/lib/python3*/site-packages/MySQLdb/__init__.py' >/dev/null; }
can_compile_it() {
    command -v gcc >/dev/null && command -v pkg-config >/dev/null &&
        { pkg-config --exists mysqlclient || pkg-config --exists mariadb || pkg-config --exists libmariadb; } &&
        .venv/bin/python -c 'import pathlib, sysconfig, sys
sys.exit(not pathlib.Path(sysconfig.get_path("include"), "Python.h").exists())'
}
install_mysqlclient() {
    if ! can_compile_it && is_root_on_debian; then
        local packages=("${MYSQL_PACKAGES[@]}")
        [[ $(readlink -f .venv/bin/python) != /usr/bin/* ]] || packages+=(python3-dev)
        install_packages "${packages[@]}" || true
    fi
    if ! can_compile_it; then
        say "MySQL and MariaDB need mysqlclient, whose C library is missing here: install ${MYSQL_PACKAGES[*]} python3-dev (Debian) and start again. SQLite runs without it."
    elif ! pip_install "$(grep '^mysqlclient' requirements.txt)"; then
        say "mysqlclient could not be built; the lines above say why. SQLite runs without it."
    fi
}

install_test_programs() {
    command -v mariadbd >/dev/null || [[ -x /usr/sbin/mariadbd ]] && return
    if is_root_on_debian; then
        install_packages "${MARIADB_PACKAGES[@]}" || say "MariaDB could not be installed; its tests will be skipped."
    else
        say "the tests on MariaDB need its server: install ${MARIADB_PACKAGES[*]} (Debian). Without it they are skipped."
    fi
}

mkdir -p .venv
exec 9>.venv/.lock
flock 9 # a second one waits for the first

stamp=.venv/.installed-$WHAT
wanted=$(cat "${LISTS[@]}" | sha256sum)
if [[ ! -f $stamp || $(<"$stamp") != "$wanted" ]] || ! .venv/bin/python -c '' 2>/dev/null; then
    .venv/bin/python -m pip --version >/dev/null 2>&1 || make_venv
    say "installing packages into .venv (a minute, the first time)"
    without_mysqlclient=()
    for list in "${LISTS[@]}"; do
        grep -v '^mysqlclient' "$list" >".venv/$list"
        without_mysqlclient+=(-r ".venv/$list")
    done
    pip_install "${without_mysqlclient[@]}" || fail "pip failed; the lines above say why."
    rm -f .venv/.asked-for-mysqlclient
    sha256sum <requirements.txt >.venv/.installed-run
    printf '%s\n' "$wanted" >"$stamp"
fi
if ! has_mysqlclient && { [[ ! -f .venv/.asked-for-mysqlclient ]] || can_compile_it; }; then
    install_mysqlclient
    touch .venv/.asked-for-mysqlclient # Debian is asked once; the library is looked for at every start
fi
[[ $WHAT == run ]] || install_test_programs
