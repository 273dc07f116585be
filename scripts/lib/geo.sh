# A real country database without an account. Needs say.sh and packages.sh.
# shellcheck shell=bash

# country_database FOLDER: prints the path of the database in FOLDER, fetched once; false (with a word why) where it cannot be had.
country_database() {
  local folder=$1 package='@ip-location-db/geo-whois-asn-country-mmdb' archive found
  mkdir -p "$folder"
  found=$(find "$folder" -name '*.mmdb' -not -name '*ipv[46]*' -size +100k | head -n 1)
  if [ -z "$found" ]; then
    want_npm "the country database" >&2 || { warn "no npm: going on without a country database"; return 1; }
    say "fetching a country database (npm $package, CC0)" >&2
    archive=$(cd "$folder" && timeout 180 npm pack --silent "$package" 2>"$folder/npm.log" | tail -n 1)
    if [ -z "$archive" ] || ! tar -xzf "$folder/$archive" -C "$folder"; then
      warn "the country database could not be had ($folder/npm.log says why): going on without it"
      return 1
    fi
    rm -f "$folder/$archive"
    found=$(find "$folder" -name '*.mmdb' -not -name '*ipv[46]*' -size +100k | head -n 1)
    [ -n "$found" ] || { warn "npm's package held no database: going on without it"; return 1; }
  fi
  printf '%s\n' "$found"
}
