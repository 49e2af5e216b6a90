#!/usr/bin/env bash
# Checks deploy/medflytd.service with systemd's own tools: that it is valid, and that its sandbox is as tight as it was.
#
# usage: check_service_unit.sh SOURCE_DIR
set -euo pipefail

unit=$1/deploy/medflytd.service
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# The program need not be installed here: verification wants one that is there.
sed 's#^ExecStart=/usr/local/bin/medflytd#ExecStart=/bin/true#' "$unit" >"$work/medflytd.service"
told=$(systemd-analyze verify --man=no "$work/medflytd.service" 2>&1) || { echo "$told" >&2; exit 1; }
# An unknown or misspelt setting is ignored with a warning.
[ -z "$told" ] || { echo "$told" >&2; exit 1; }

# Tenths of systemd's exposure level, from 0 (best) to 100.
systemd-analyze security --offline=true --no-pager --threshold=15 "$work/medflytd.service" >"$work/told" || {
  cat "$work/told" >&2
  exit 1
}
# What the level does not weigh.
for line in LimitCORE=0 LimitMEMLOCK=8M MemorySwapMax=0 UMask=0077 StateDirectoryMode=0700 LoadCredential=root.secret: \
  LoadCredential=log.key: LoadCredential=witness.key: ProtectSystem=strict ReadOnlyPaths=/run MemoryDenyWriteExecute=yes; do
  grep -q "^$line" "$unit" || { echo "$unit: $line is missing" >&2; exit 1; }
done
