#!/usr/bin/env bash
# Builds the sandbox images from Debian's own packages, for a machine that has a Docker engine but no image registry.
# Usage: build_rootfs.sh [--numpy-only]      (as root; needs debootstrap and pip)
# Environment: PYTHON (default: the repository's .venv, else python3), MIRROR, TORCH (the version of torch).
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
numpy_only=false
case "${1:-}" in
  "") ;;
  --numpy-only) numpy_only=true ;;
  *) echo "usage: build_rootfs.sh [--numpy-only]" >&2; exit 2 ;;
esac

python=${PYTHON:-$here/../.venv/bin/python}
[ -x "$python" ] || python=$(command -v python3)
mirror=${MIRROR:-}
torch=${TORCH:-2.13.0}
repository=kernel-grader-sandbox

fail() { echo "build_rootfs.sh: $*" >&2; exit 1; }
step() { echo "sandbox image: $*"; }
for tool in docker debootstrap tar; do command -v "$tool" >/dev/null || fail "$tool is not installed"; done
docker info >/dev/null 2>&1 || fail "no Docker engine answers: start dockerd"

# The wheels are chosen by the running pip, so the image's Python must have the same minor version.
minor=$("$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])')
case "$minor" in
  3.11) suite=bookworm ;;
  3.13) suite=trixie ;;
  *) fail "no Debian release ships Python $minor: build with Docker from sandbox/Dockerfile instead" ;;
esac
numpy=$("$python" -c 'import numpy; print(numpy.__version__)' 2>/dev/null) || numpy='2.*'
recipe=$({ cat "$0"; echo "$suite $mirror $numpy $torch"; } | sha256sum | cut -c1-16)

have() { # have TAG: the image exists and was made by this very recipe
  [ "$(docker image inspect -f '{{index .Config.Labels "kernel-grader.recipe"}}' "$repository:$1" 2>/dev/null)" = "$recipe" ]
}

retire() { # retire ID: remove the image that a new one has taken the name of, unless something still uses it
  [ -z "$1" ] || docker image rm "$1" >/dev/null 2>&1 || true
}

work=$(mktemp -d)
container=
cleanup() {
  [ -z "$container" ] || docker rm -f "$container" >/dev/null 2>&1 || true
  rm -rf "$work"
}
trap cleanup EXIT

install() { # install DIRECTORY REQUIREMENT...: wheels only, without what a sandbox never reads
  local target=$1; shift
  "$python" -m pip install -qq --no-compile --only-binary=:all: --no-warn-script-location --target "$target" "$@"
  rm -rf "$target"/bin "$target"/share "$target"/torch/{test,include,share}
  find "$target" -depth -type d \( -name tests -o -name __pycache__ \) -not -path '*/torch/*' -exec rm -rf {} +
  find "$target" -type f \( -name '*.a' -o -name '*.pyi' -o -name '*.h' \) -delete
}

packages=usr/local/lib/python$minor/dist-packages
change=(--change "LABEL kernel-grader.recipe=$recipe")

if have numpy; then
  step "$repository:numpy is up to date"
else
  root=$work/root
  step "Debian $suite with Python $minor"
  debootstrap --variant=minbase --include=python3 "$suite" "$root" "$mirror" >"$work/log" 2>&1 || { tail -n 5 "$work/log" >&2; fail "debootstrap failed"; }
  rm -rf "$root"/var/cache/apt/* "$root"/var/lib/apt/lists/* "$root"/usr/share/{doc,man,info,locale}/* "$root"/var/log/*
  find "$root" -xdev -perm /6000 -type f -exec chmod ug-s {} +
  step "NumPy $numpy"
  install "$root/$packages" "numpy==$numpy"
  chroot "$root" python3 -m compileall -q --invalidation-mode unchecked-hash "/$packages" >/dev/null || true
  old=$(docker image inspect -f '{{.Id}}' "$repository:numpy" 2>/dev/null) || old=
  tar -C "$root" --one-file-system --exclude='./dev/*' -c . | docker import "${change[@]}" - "$repository:numpy" >/dev/null
  retire "$old"
  step "$repository:numpy is ready"
fi

if ! $numpy_only; then
  if have torch; then
    step "$repository:torch is up to date"
  else
    step "torch $torch on top of $repository:numpy"
    install "$work/$packages" "torch==$torch" "numpy==$numpy"
    rm -rf "$work/$packages"/numpy "$work/$packages"/numpy.libs "$work/$packages"/numpy-*
    "$python" -m compileall -q --invalidation-mode unchecked-hash -s "$work" "$work/$packages" >/dev/null || true
    container=$(docker create --network none "$repository:numpy" true)
    tar -C "$work" --owner=0 --group=0 -c usr | docker cp - "$container:/"
    old=$(docker image inspect -f '{{.Id}}' "$repository:torch" 2>/dev/null) || old=
    docker commit "${change[@]}" "$container" "$repository:torch" >/dev/null
    docker rm -f "$container" >/dev/null
    container=
    retire "$old"
    step "$repository:torch is ready"
  fi
fi
