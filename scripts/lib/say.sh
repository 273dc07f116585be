# Progress and failures for the scripts: a line a step, and each failure says what to do.
# shellcheck shell=bash

say() { printf '== %s\n' "$*"; }
warn() { printf 'note: %s\n' "$*" >&2; }
die() {
  printf 'error: %s\n' "$1" >&2
  shift
  [ $# -eq 0 ] || printf '       %s\n' "$@" >&2
  exit 1
}

# step LOG WHAT COMMAND...: runs the command quietly; its output goes to LOG, whose end is shown when it fails.
step() {
  local log=$1 what=$2 start=$SECONDS
  shift 2
  mkdir -p "$(dirname "$log")"
  say "$what"
  if "$@" >"$log" 2>&1; then
    printf '   done in %s s\n' $((SECONDS - start))
    return 0
  fi
  printf '   FAILED after %s s; the end of %s:\n' $((SECONDS - start)) "$log"
  tail -n 60 "$log" | sed 's/^/   | /'
  return 1
}
