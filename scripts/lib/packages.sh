# Installs what is missing of the Debian packages that scripts/packages/* name. Needs say.sh.
# shellcheck shell=bash

# What runs apt: nothing for root, else sudo.
_as_root() {
  if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi
}

_installed() { dpkg-query -W -f='${Status}' "$1" 2>/dev/null | grep -q 'ok installed'; }

# Daemons (a PBX, say) must not start because their package was installed: invoke-rc.d asks this file, and 101 is "no".
_hold_daemons() {
  _policy=/usr/sbin/policy-rc.d
  _policy_kept=
  if [ -e "$_policy" ]; then
    _policy_kept=$_policy.before-postern
    _as_root mv "$_policy" "$_policy_kept"
  fi
  printf '#!/bin/sh\nexit 101\n' | _as_root tee "$_policy" >/dev/null
  _as_root chmod 755 "$_policy"
}

_release_daemons() {
  _as_root rm -f "$_policy"
  [ -z "$_policy_kept" ] || _as_root mv "$_policy_kept" "$_policy"
}

# _install LOG PACKAGE...: with daemons held back, which is undone however it ends. Runs in a subshell.
_install() (
  log=$1
  shift
  _hold_daemons
  trap _release_daemons EXIT
  trap 'exit 1' INT TERM
  export DEBIAN_FRONTEND=noninteractive
  _as_root apt-get -q -o DPkg::Lock::Timeout=300 update >"$log" 2>&1 || warn "apt-get update failed; going on with the package lists that are here"
  # --no-remove: nothing that the machine has is taken away for us
  _as_root env DEBIAN_FRONTEND=noninteractive apt-get -q -y -o DPkg::Lock::Timeout=300 install --no-install-recommends --no-remove "$@" >>"$log" 2>&1
)

# need_packages LIST...: installs what is missing of scripts/packages/LIST.
need_packages() {
  local root list package missing=() log
  root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
  if ! command -v apt-get >/dev/null || ! command -v dpkg-query >/dev/null; then
    die "this is no Debian: apt-get is missing" "install by hand what scripts/packages/{$(IFS=,; echo "$*")} name, then build with: cmake --preset release && cmake --build --preset release"
  fi
  for list in "$@"; do
    while read -r package; do
      case $package in '' | '#'*) continue ;; esac
      _installed "$package" || missing+=("$package")
    done <"$root/scripts/packages/$list"
  done
  [ ${#missing[@]} -gt 0 ] || return 0
  if [ "$(id -u)" != 0 ] && ! command -v sudo >/dev/null; then
    die "packages are missing and neither root nor sudo is here to install them" "as root: apt-get install --no-install-recommends ${missing[*]}"
  fi
  say "installing ${#missing[@]} Debian packages: ${missing[*]}"
  log=$root/build/logs/packages.log
  mkdir -p "$(dirname "$log")"
  if ! _install "$log" "${missing[@]}"; then
    tail -n 15 "$log" | sed 's/^/   | /' >&2
    die "the packages could not be installed (all of it: $log)" \
      "is the network up, and is the machine a Debian 12 with its ordinary package sources?" \
      "a conflict (libboost1.81-dev with another Boost's -dev packages) must be solved by hand: nothing of yours is removed"
  fi
}

# want_npm WHAT: true when there is an npm, which WHAT is for. Installed only where the command is missing, since Debian's conflicts with other builds of node.
want_npm() {
  command -v npm >/dev/null && return 0
  if [ "$(id -u)" != 0 ] && ! command -v sudo >/dev/null; then return 1; fi
  local root
  root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
  say "installing npm, for $1"
  mkdir -p "$root/build/logs"
  _install "$root/build/logs/npm.log" npm && command -v npm >/dev/null
}
