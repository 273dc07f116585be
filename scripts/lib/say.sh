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

# _percent: passes its input on to the log $1 and shows how far a build is, from ninja's `[12/80]`: in place on a terminal, else every tenth.
_percent() {
  local line percent shown=0
  while IFS= read -r line || [ -n "$line" ]; do
    printf '%s\n' "$line" >&3
    [[ $line =~ ^\[([0-9]+)/([0-9]+)\] ]] || continue
    percent=$((100 * BASH_REMATCH[1] / BASH_REMATCH[2]))
    if [ -t 1 ]; then
      printf '\r   %3d %%' "$percent"
    elif [ "$percent" -ge $((shown + 10)) ]; then
      printf '   %3d %%\n' "$percent"
      shown=$((percent / 10 * 10))
    fi
  done 3>"$1"
  [ ! -t 1 ] || printf '\r\033[K'
}

# step LOG WHAT COMMAND...: runs the command; its output goes to LOG, whose end is shown when it fails. Of a build the percentage is shown.
step() (
  set -o pipefail
  log=$1 what=$2 start=$SECONDS
  shift 2
  mkdir -p "$(dirname "$log")"
  say "$what"
  if "$@" 2>&1 | _percent "$log"; then
    printf '   done in %s s\n' $((SECONDS - start))
    return 0
  fi
  printf '   FAILED after %s s; the end of %s:\n' $((SECONDS - start)) "$log"
  tail -n 60 "$log" | sed 's/^/   | /'
  return 1
)
