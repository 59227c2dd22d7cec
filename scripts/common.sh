# shellcheck shell=bash
# What run, test, bench and .ci/run share: stages with their times, packages, builds. They source
# this file, which also takes them to the repository's top.
set -euo pipefail
export LC_ALL=C.UTF-8

cd "$(dirname "${BASH_SOURCE[0]}")/.."
jobs=$(nproc)

say() { printf '%s\n' "$*"; }

die() {
  printf '%s\n' "$*" >&2
  exit 1
}

# Prints the comment that heads the calling script: its --help.
usage() { sed -n '2,/^$/s/^# \{0,1\}//p' "$0"; }

# stage NAME COMMAND...: runs the command between two lines, the second with its time.
stage() {
  local name=$1 start=$SECONDS status=0
  shift
  say "== $name"
  "$@" || status=$?
  if ((status == 0)); then
    say "== $name: done in $((SECONDS - start)) s"
  else
    say "== $name: failed after $((SECONDS - start)) s"
  fi
  return "$status"
}

# quiet COMMAND...: shows the command's output only if it fails.
quiet() {
  local log status=0
  log=$(mktemp)
  "$@" >"$log" 2>&1 || status=$?
  ((status == 0)) || cat "$log"
  rm -f "$log"
  return "$status"
}

# packages_of GROUP...: the packages of these groups in scripts/packages.txt.
packages_of() {
  local package group rest
  while read -r package group rest; do
    [[ -z $package || $package == "#"* || " $* " != *" $group "* ]] || say "$package"
  done <scripts/packages.txt
}

# packages_ensure GROUP...: installs what is missing of these groups.
packages_ensure() {
  local -a wanted missing=() install
  local installed package
  mapfile -t wanted < <(packages_of "$@")
  if ! command -v dpkg-query >/dev/null; then
    say "Not a Debian system; taking for granted what these packages hold: ${wanted[*]}"
    return
  fi
  installed=$(dpkg-query -W -f='${Package} ${db:Status-Status}\n' "${wanted[@]}" 2>/dev/null || true)
  for package in "${wanted[@]}"; do
    grep -qx "$package installed" <<<"$installed" || missing+=("$package")
  done
  ((${#missing[@]})) || return 0

  install=(env DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=300)
  if ((EUID != 0)); then
    command -v sudo >/dev/null ||
      die "Missing packages, and neither root nor sudo. As root: apt-get install ${missing[*]}"
    install=(sudo "${install[@]}")
  fi
  stage "install ${missing[*]}" packages_install
}

packages_install() {
  quiet "${install[@]}" update -q </dev/null &&
    quiet "${install[@]}" install -q -y --no-install-recommends "${missing[@]}" </dev/null
}

# configure PRESET
configure() { stage "configure $1" quiet cmake --preset "$1"; }

# build PRESET [TARGET...]: configures and builds the preset's targets, or those named.
build() {
  local preset=$1
  shift
  configure "$preset" || return
  stage "build $preset" cmake --build --preset "$preset" --parallel "$jobs" ${1+--target "$@"}
}

# tally LINE: the counts of a line "N passed, N failed, N skipped", skipped being optional.
tally() { sed -nE 's/^([0-9]+) passed, ([0-9]+) failed(, ([0-9]+) skipped)?$/\1 \2 \4/p' <<<"$1"; }

# Counts of a whole script, and its last line.
passed=0 failed=0 skipped=0

count() { passed=$((passed + $1)) failed=$((failed + $2)) skipped=$((skipped + ${3:-0})); }

# count_one COMMAND...: a command that is one test.
count_one() { if "$@"; then count 1 0; else count 0 1; fi; }

# A script that calls `trap summary EXIT` ends with the line "N passed, N failed" wherever it stops;
# it has failed if it stops before it said `finish`.
finish() { finished=1; }

summary() {
  trap - EXIT
  [[ ${finished:-} ]] || count 0 1
  ((passed + failed)) || say "Nothing ran."
  if ((skipped)); then
    say "$passed passed, $failed failed, $skipped skipped"
  else
    say "$passed passed, $failed failed"
  fi
  ((failed == 0 && passed > 0)) || exit 1
  exit 0
}
