#!/usr/bin/env bash
# Measures, in one run on this machine, what two nodes do with events, the bare limits under it, and PostgreSQL's
# logical replication beside it. Prints one table: conditions, figures, ratios and the budgets of the design. Leaves
# nothing running and nothing behind. README.md in this folder says how to read it.
#
#   tests/bench/run.sh            about 7 minutes once built
#   tests/bench/run.sh --quick    about 2 minutes; the long log has 1 million entries instead of 10
#
# The long log needs 20 GB of disk (2 GB with --quick); where there is less, the table says that it was left out.
# Everything is made in a new folder of MEDFLYT_BENCH_DIR (default /tmp) and removed at the end.
#
# MEDFLYT_BUILD: build directory to use (default build/release, configured by the release preset).
set -euo pipefail
cd "$(dirname "$0")/../.."

quick=()
pg_seconds=10
long_log=10000000
case "${1:-}" in
  "") ;;
  --quick) quick=(--quick) pg_seconds=3 long_log=1000000 ;;
  *)
    echo "usage: $0 [--quick]" >&2
    exit 2
    ;;
esac

say() { printf '== %s\n' "$*" >&2; }

say "packages and build"
deploy/packages.sh bench >&2
build=${MEDFLYT_BUILD:-build/release}
[ -f "$build/build.ninja" ] || cmake --preset release >/dev/null
grep -q '^MEDFLYT_BENCH:BOOL=ON' "$build/CMakeCache.txt" || cmake -B "$build" -DMEDFLYT_BENCH=ON >/dev/null
cmake --build "$build" --target limits_bench registry_bench exchange_bench exchange_bench_unsealed log_bench >&2

work=$(mktemp -d "${MEDFLYT_BENCH_DIR:-/tmp}/medflyt-bench.XXXXXX")
figures=$work/figures
trap 'rm -rf "$work"' EXIT
trap 'exit 1' INT TERM

load=$(cut -d' ' -f1-3 /proc/loadavg)
say "bare limits"
"$build/bin/limits_bench" "$work" >>"$figures"
say "registry extract"
"$build/bin/registry_bench" --benchmark_format=csv 2>/dev/null |
  awk -F, '/^"ReadExtract\/262144"/ {printf "registry\tregistry extract in pieces of 256 KiB, one core\t%.0f\tMB/s\n", $6 / 1e6}' \
    >>"$figures"
say "exchange between two nodes"
"$build/bin/exchange_bench" "$work" "${quick[@]}" >>"$figures"
say "the same with and without encryption of content, in turns"
for _ in 1 2 3; do
  "$build/bin/exchange_bench" "$work" --only best "${quick[@]}" | sed 's/^exchange/sealed/' >>"$figures"
  "$build/bin/exchange_bench_unsealed" "$work" --only best "${quick[@]}" | sed 's/^exchange/unsealed/' >>"$figures"
done
say "a log of $long_log entries"
"$build/bin/log_bench" "$work" --entries "$long_log" >>"$figures"
say "PostgreSQL logical replication with remote_apply, $pg_seconds s for each of five numbers of clients"
tests/bench/postgres.sh "$pg_seconds" >>"$figures"

version() { dpkg-query -W -f='${Version}' "$1" 2>/dev/null | sed 's/[-+].*//'; }
{
  printf 'condition\tdate\t%s\n' "$(date -u '+%Y-%m-%d %H:%M UTC')"
  printf 'condition\tsource\t%s\n' "$(git describe --always --dirty 2>/dev/null || echo unknown)"
  printf 'condition\tprocessor\t%s cores, %s\n' "$(nproc)" "$(sed -n 's/^model name[^:]*: *//p' /proc/cpuinfo | head -1)"
  printf 'condition\tmemory\t%s MiB\n' "$(awk '/^MemTotal/ {printf "%d", $2 / 1024}' /proc/meminfo)"
  printf 'condition\tstores on\t%s\n' "$(df --output=fstype "$work" | tail -1)"
  printf 'condition\tload before\t%s\n' "$load"
  printf 'condition\tsystem\t%s, Linux %s\n' "$(. /etc/os-release && echo "$PRETTY_NAME")" "$(uname -r)"
  printf 'condition\tversions\tgcc %s, gRPC %s, RocksDB %s, OpenSSL %s, libsodium %s, PostgreSQL %s\n' \
    "$(gcc -dumpfullversion)" "$(version libgrpc++-dev)" "$(version librocksdb-dev)" "$(version libssl-dev)" \
    "$(version libsodium-dev)" "$(psql --version | awk '{print $3}')"
} >"$work/conditions"
python3 tests/bench/table.py "$work/conditions" "$figures"
