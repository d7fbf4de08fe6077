# Sourced by each stage. Functions make what several stages need, once: whichever stage comes
# first makes it. `.ci/run` begins with an empty build/ci; before a stage that runs alone, remove
# that folder to have everything made anew.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
export PYTHON="${PYTHON:-python3}" HF_HUB_OFFLINE=1 PIP_DISABLE_PIP_VERSION_CHECK=1
root=$PWD
work="$root/build/ci"
bin="$root/.venv/bin"
mkdir -p "$work"
make --silent .venv/installed

# once NAME COMMAND …: run a command, unless it succeeded under that name before
once() {
    local done="$work/$1.done"
    shift
    if [ ! -e "$done" ]; then
        "$@"
        touch "$done"
    fi
}

# uv and pipx, for installations; what uv has downloaded once is linked into each environment.
export UV_CACHE_DIR="$work/uv-cache"
install_installers() {
    "$PYTHON" -m venv "$work/installers"
    "$work/installers/bin/pip" install --quiet --constraint constraints.txt uv pipx
}
run_uv() {
    once installers install_installers
    # uv does not read pip's configuration: hand on where pip is told to find wheels.
    local links
    links=$("$work/installers/bin/pip" config get global.find-links 2>/dev/null || true)
    UV_FIND_LINKS="${links// /,}" "$work/installers/bin/uv" "$@"
}

# environment NAME ARGUMENT …: a virtual environment with what `uv pip install` is told
environment() {
    local folder="$work/$1"
    shift
    run_uv venv --quiet --clear --python "$PYTHON" "$folder"
    add_to "$folder" "$@"
}
add_to() {
    local folder="$1"
    shift
    run_uv pip install --quiet --python "$folder/bin/python" --constraints constraints.txt "$@"
}

# The newest Datasette in a folder that goes before the environment's own: PYTHONPATH=$datasette1
datasette1="$work/datasette1"
install_datasette1() {
    "$bin/python" -m pip install --quiet --target "$datasette1" --no-deps \
        --constraint constraints-datasette1.txt datasette asyncinject opentelemetry-api
    PYTHONPATH="$datasette1" "$bin/python" -c \
        'import datasette; assert datasette.__version__.startswith("1.0a"), datasette.__version__'
}

# Sixty of the demo's pictures with their records, and a checkpoint in the legacy layout
draw_pictures() {
    (cd "$work" && "$bin/llm" glam demo . --number 60 --size 160)
    "$bin/python" - "$work" <<'PY'
import sys
from pathlib import Path
from tests import tiny
work = Path(sys.argv[1])
tiny.as_legacy(tiny.make(work / "tiny"), work / "clip-ViT-B-32")
PY
}

build_wheel() {
    "$bin/python" -m build --wheel --outdir "$work/dist" . >"$work/build.log"
}

# main_job LLM USER: the two commands as typed, by somebody who has just installed it
main_job() {
    local llm="$1" user="$2"
    once pictures draw_pictures
    (
        cd "$work"
        export LLM_USER_PATH="$user" LLM_GLAM_MODEL=demo
        "$llm" embed-multi photos --files photos/ '*.jpg' -m glam-clip
        "$llm" similar photos -c raccoon | tee "$user/similar.txt"
        test "$(wc -l <"$user/similar.txt")" = 10
        head -n 1 "$user/similar.txt" | grep -q raccoon
        "$llm" glam status photos --table
        "$llm" embed-models list | grep -q 'glam-clip/demo'
    )
}

# The wheel in an environment of its own, and a collection made there
install_wheel() {
    once wheel build_wheel
    environment wheel "$work"/dist/*.whl
    main_job "$work/wheel/bin/llm" "$work/user-wheel"
}
