#!/usr/bin/env bash
# A rolling restart behind a real HAProxy, under load: no request may be lost.
#
#   load-tests/drain.sh WORKSPACE [ROUNDS]
#
# WORKSPACE is one of `load workspace`. Two bidders serve it behind HAProxy (Debian's package), `load`
# sends RATE requests a second (2,000) through it, and meanwhile the bidders are restarted in turn, ROUNDS
# times each (2): SIGTERM, the end with code 0, a new start, readiness. Fails if a request fails or a
# bidder does not end in time. Everything is on loopback; what is started here is ended here, by id.
set -euo pipefail

readonly ends_within_s=10 ready_within_s=30 drain_delay_ms=1000 check_every_ms=200

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
homing=${HOMING:-$here/../target/release/homing}
load=${LOAD:-$here/../target/release/examples/load}
rate=${RATE:-2000}
rounds=${2:-2}
PATH=$PATH:/usr/sbin

fail() {
  printf 'drain.sh: %s\n' "$1" >&2
  exit 1
}

[[ -n ${1:-} && -f $1/homing.toml ]] || fail 'expected a folder that load workspace made'
command -v haproxy >/dev/null || fail 'no haproxy: apt-get install haproxy'
workspace=$(cd "$1" && pwd)
folder=$(mktemp -d)
pids=()
bidders=([1]='' [2]='')
stop() {
  local pid
  for pid in "${pids[@]}" "${bidders[@]}"; do
    [[ -z $pid ]] || kill "$pid" 2>/dev/null || true
  done
  wait
  rm -rf "$folder"
}
trap stop EXIT

# start NUMBER: starts a bidder and waits until it is ready.
start() {
  local number=$1 until
  "$homing" serve --config "$folder/$number/homing.toml" 2>>"$folder/$number.log" &
  bidders[number]=$!
  until=$((SECONDS + ready_within_s))
  until curl -fsS --max-time 1 "http://127.0.0.1:18${number}82/readyz" >/dev/null 2>&1; do
    ((SECONDS < until)) || fail "bidder $number is not ready: $(tail -1 "$folder/$number.log")"
    sleep 0.1
  done
}

# restart NUMBER: ends a bidder as an operator does; prints how long it took to drain.
restart() {
  local number=$1 began code=0
  began=$(date +%s%N)
  kill -TERM "${bidders[number]}"
  wait "${bidders[number]}" || code=$?
  bidders[number]=''
  ((code == 0)) || fail "bidder $number ended with $code"
  local took_ms=$((($(date +%s%N) - began) / 1000000))
  ((took_ms < ends_within_s * 1000)) || fail "bidder $number took $took_ms ms to end"
  start "$number"
  printf 'bidder %s drained in %d ms, and is back\n' "$number" "$took_ms"
}

for number in 1 2; do
  mkdir "$folder/$number"
  sed -e "s#\"secrets/#\"$workspace/secrets/#; s#:180\(8.\)\"#:18${number}\1\"#" \
    -e "s#drain_delay_ms = .*#drain_delay_ms = $drain_delay_ms#" \
    "$workspace/homing.toml" >"$folder/$number/homing.toml"
  printf '\n[business]\nfolder = "%s"\n' "$workspace/advertisers" >>"$folder/$number/homing.toml"
  start "$number"
done

cat >"$folder/haproxy.cfg" <<CONFIG
defaults
  mode http
  timeout connect 1s
  timeout client 30s
  timeout server 10s
  option httpchk GET /readyz
frontend exchange
  bind 127.0.0.1:18090
  default_backend bidders
backend bidders
  balance roundrobin
  server b1 127.0.0.1:18180 check port 18182 inter $check_every_ms fall 2 rise 1
  server b2 127.0.0.1:18280 check port 18282 inter $check_every_ms fall 2 rise 1
CONFIG
haproxy -q -f "$folder/haproxy.cfg" &
pids+=($!)

"$load" corpus --port 18180 --users 1000000 --mix typical:3k:json --out "$folder/corpus" >/dev/null
sleep 1
seconds=$((rounds * 2 * 4 + 4))
"$load" run --corpus "$folder/corpus" --port 18090 --rate "$rate" --seconds "$seconds" \
  >"$folder/told" 2>&1 &
load_pid=$!
pids+=("$load_pid")
sleep 1
for ((round = 0; round < rounds; round++)); do
  for number in 1 2; do
    restart "$number"
    sleep 0.7 # until HAProxy has seen it
  done
done
kill -0 "$load_pid" 2>/dev/null || fail "the load ended before the last restart: $(cat "$folder/told")"
result=0
wait "$load_pid" || result=$?
pids=("${pids[0]}")
cat "$folder/told"
((result == 0)) || fail 'requests failed'
printf 'drain: %d restarts under load, no request lost\n' $((rounds * 2))
