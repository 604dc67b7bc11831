#!/bin/sh
# Lays .venv beside the code with what requirements/<level>.txt locks, and the `deedlog` command in it.
#
#   tools/setup.sh run            what the house needs to run
#   tools/setup.sh calibration    that, and what fits a calibration release
#   tools/setup.sh dev            that, and what tests and checks need
#
# Uses uv when it is on the PATH, else the pip of the Python found. Every package is checked against its hash and
# comes as a wheel: nothing is built here but our own editable entry, without isolation, so nothing else is fetched.
# Done before for the same lock? Then a stamp says so and nothing happens.
set -eu

level=${1:-run}
cd "$(dirname "$0")/.."
lock=requirements/$level.txt
venv=${DEEDLOG_VENV:-.venv}
python=$venv/bin/python

# The lock, and the part of pyproject.toml that an install looks at. The same for each level's own stamp.
fingerprint() {
    { cat "requirements/$1.txt"; sed -n '/^\[build-system\]/,/^\[tool.ruff\]/p' pyproject.toml; pwd; } | cksum
}

fresh() {
    [ -x "$python" ] && [ -f "$venv/.stamp-$1" ] && [ "$(cat "$venv/.stamp-$1")" = "$(fingerprint "$1")" ]
}

# dev holds all that calibration holds, and that all that run holds.
if fresh "$level" || { [ "$level" != dev ] && fresh dev; } || { [ "$level" = run ] && fresh calibration; }; then
    exit 0
fi

is_new_enough() { "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; }

find_python() {
    for candidate in ${PYTHON:-python3 python3.13 python3.12 python3.11}; do
        if is_new_enough "$candidate"; then
            echo "$candidate"
            return
        fi
    done
    echo "setup: Deedlog needs Python 3.11 or newer; $("${PYTHON:-python3}" --version 2>&1 || echo "no Python") is what stands here." >&2
    echo "       Install one, or name one: make setup PYTHON=/path/to/python3.12" >&2
    exit 3
}

started=$(date +%s)
base=$(find_python)
if command -v uv >/dev/null 2>&1; then
    installer=uv
    is_new_enough "$python" || uv venv --quiet --clear --python "$base" "$venv"
    install() { uv pip install --quiet --python "$python" "$@"; }
else
    installer=pip
    if "$base" -c 'import pip; assert int(pip.__version__.split(".")[0]) >= 23' >/dev/null 2>&1; then
        # One pip serves all: a second one inside the environment would cost three seconds more.
        is_new_enough "$python" || "$base" -m venv --clear --without-pip "$venv"
        install() {
            "$base" -m pip --python "$python" --disable-pip-version-check install --quiet --no-compile \
                --root-user-action=ignore "$@"
        }
    else
        if ! is_new_enough "$python" || ! "$python" -m pip --version >/dev/null 2>&1; then
            "$base" -m venv --clear "$venv" || {
                echo "setup: $base cannot make an environment with pip in it." >&2
                echo "       Install its venv package (Debian and Ubuntu: apt install python3-venv), or uv." >&2
                exit 3
            }
        fi
        install() { "$python" -m pip --disable-pip-version-check install --quiet --no-compile "$@"; }
    fi
fi

echo "setup: $level packages into $venv by $installer ($("$python" --version))"
rm -f "$venv/.stamp-$level"
install --require-hashes --no-deps --only-binary :all: -r "$lock"
install --no-build-isolation --no-deps --editable .
# Compiled by all cores now, so that the first start is no slower than the second.
"$python" -m compileall -q -j 0 "$venv/lib" >/dev/null 2>&1 || true
fingerprint "$level" >"$venv/.stamp-$level"
echo "setup: done in $(($(date +%s) - started)) s"
