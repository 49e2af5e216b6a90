#!/usr/bin/env bash
# The closest to "durable on both sides, then acknowledged" that an administrator has without Medflyt: PostgreSQL logical
# replication with synchronous_commit = remote_apply. Two servers of Debian's package on Unix sockets in a folder of
# their own, started and stopped here; one row of 600 + 64 bytes a transaction.
#
#   tests/bench/postgres.sh SECONDS     prints "postgres <tab> clients <tab> transactions a second <tab> ms" a line each
set -euo pipefail
seconds=${1:-5}
bin=$(ls -d /usr/lib/postgresql/*/bin | sort -V | tail -1)
dir=$(mktemp -d /tmp/medflyt-pg.XXXXXX)

run() {  # PostgreSQL refuses to run as root
  if [ "$(id -u)" -eq 0 ]; then setpriv --reuid=postgres --regid=postgres --clear-groups env HOME="$dir" PGCONNECT_TIMEOUT=10 "$@"; else "$@"; fi
}
sql() { run "$bin/psql" -qAtX -v ON_ERROR_STOP=1 -h "$dir" -p "$1" -d postgres -c "$2"; }

stop() {
  for name in publisher subscriber; do
    run "$bin/pg_ctl" -D "$dir/$name" -m immediate -w stop >/dev/null 2>&1 || true
  done
  rm -rf "$dir"
}
trap stop EXIT
[ "$(id -u)" -ne 0 ] || chown postgres "$dir"

port=54301
for name in publisher subscriber; do
  run "$bin/initdb" -D "$dir/$name" -A trust -U postgres --no-instructions >/dev/null
  run tee -a "$dir/$name/postgresql.conf" >/dev/null <<CONF
listen_addresses = ''
unix_socket_directories = '$dir'
port = $port
wal_level = logical
max_connections = 150
shared_buffers = 256MB
CONF
  run "$bin/pg_ctl" -D "$dir/$name" -l "$dir/$name.log" -w start >/dev/null
  sql "$port" "CREATE TABLE events (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, entry bytea NOT NULL, key bytea NOT NULL)"
  port=$((port + 1))
done

sql 54301 "CREATE PUBLICATION events FOR TABLE events"
sql 54302 "CREATE SUBSCRIPTION follower CONNECTION 'host=$dir port=54301 dbname=postgres user=postgres application_name=follower' PUBLICATION events" >/dev/null
# Only now: creating the subscription would wait for itself.
sql 54301 "ALTER SYSTEM SET synchronous_standby_names = 'follower'"
sql 54301 "ALTER SYSTEM SET synchronous_commit = 'remote_apply'"
sql 54301 "SELECT pg_reload_conf()" >/dev/null
for _ in $(seq 100); do
  [ "$(sql 54301 "SELECT count(*) FROM pg_stat_replication WHERE sync_state = 'sync'")" = 1 ] && break
  run "$bin/pg_isready" -q -h "$dir" -p 54301 -t 1 || true
done

cat >"$dir/insert.sql" <<'SQL'
INSERT INTO events (entry, key) VALUES (decode(repeat('ab', 600), 'hex'), decode(repeat('cd', 64), 'hex'));
SQL
chmod a+r "$dir/insert.sql"
for clients in 1 4 16 32 64; do
  run "$bin/pgbench" -n -M prepared -f "$dir/insert.sql" -h "$dir" -p 54301 -U postgres -d postgres -c "$clients" \
    -j "$([ "$clients" -lt 2 ] && echo 1 || echo 2)" -T "$seconds" 2>/dev/null |
    awk -v c="$clients" '/^latency average/ {l = $4} /^tps/ {printf "postgres\t%d\t%.0f\t%.3f\n", c, $3, l}'
done
