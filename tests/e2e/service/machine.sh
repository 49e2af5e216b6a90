#!/usr/bin/env bash
# Boots systemd as PID 1 of namespaces of its own, on an overlay of this system's files whose upper layer is memory: what
# happens in there is gone with it, and nothing happens outside. It has no network but loopback, and no service but the
# journal: what this system would start, generate and mount at its start is hidden.
#
#   machine.sh WORK SHOWN...
#
# WORK: an empty directory, over which everything is mounted, seen by this process alone. SHOWN: directories that are
# seen inside under their own names, to read. Prints `booting PID`, the PID of systemd as it is outside. Lives as long as
# its standard input, and everything that was started inside with it. Exit code 77: `cannot: REASON`.
set -euo pipefail

cannot() {
  echo "cannot: $*"
  exit 77
}

init=/lib/systemd/systemd
if [ "$1" != --unshared ]; then
  [ "$(id -u)" -eq 0 ] || cannot "only root boots systemd"
  [ -x "$init" ] || cannot "systemd is not installed"
  unshare --cgroup --pid --uts --ipc --net --mount --fork true 2>/dev/null || cannot "no namespaces of its own"
  exec unshare --mount --propagation private "$0" --unshared "$@"
fi

work=$2
shift 2
root=$work/root
mount -t tmpfs -o mode=0700 machine "$work"
mkdir -p "$work"/{cgroup,upper,scratch,root}
mount -t cgroup2 cgroup2 "$work/cgroup" 2>/dev/null || cannot "no unified cgroups"
mount -t overlay -o "lowerdir=/,upperdir=$work/upper,workdir=$work/scratch" overlay "$root" 2>/dev/null ||
  cannot "no overlay over the root directory"
group=$work/cgroup/medflyt-service.$$
mkdir "$group" 2>/dev/null || cannot "no cgroup of its own"

# The processes are gone with their PID 1; the kernel takes a moment to say so of their cgroups.
remove_group() {
  for _ in $(seq 200); do
    find "$group" -depth -type d -exec rmdir {} + 2>/dev/null && return
    sleep 0.02
  done
  echo "cgroup ${group##*/} is left"
}
trap remove_group EXIT

for each in tmp run srv home root var/tmp var/log var/lib dev etc/systemd/system; do
  mkdir -p "$root/$each"
  mount -t tmpfs -o mode=0755 tmpfs "$root/$each"
done
chmod 1777 "$root/tmp" "$root/var/tmp"
for each in system-generators system-environment-generators \
  system/{sysinit,local-fs,sockets,timers,multi-user}.target.wants; do
  [ ! -d "$root/usr/lib/systemd/$each" ] || mount -t tmpfs tmpfs "$root/usr/lib/systemd/$each"
done
mkdir "$root/etc/systemd/system/sysinit.target.wants"
ln -s /usr/lib/systemd/system/systemd-journald.service "$root/etc/systemd/system/sysinit.target.wants/"
ln -s /dev/null "$root/etc/systemd/system/systemd-journald-audit.socket"
echo localhost >"$root/etc/hostname"
: >"$root/etc/machine-id"
for each in null zero full random urandom tty; do
  mknod -m 0666 "$root/dev/$each" c $(stat -c '0x%t 0x%T' "/dev/$each")
done
ln -s pts/ptmx "$root/dev/ptmx"
for shown in "$@"; do
  mkdir -p "$root$shown"
  mount --bind "$shown" "$root$shown"
  mount -o remount,bind,ro "$root$shown"
done

# In the namespaces. The kernel's own settings, which are everybody's, are to be read only, and of root's powers those
# over the whole machine are gone for good. Loopback is brought up by systemd itself.
inside='
  mount -t proc -o nosuid,nodev,noexec proc "$1/proc"
  for each in sys sysrq-trigger irq bus; do
    [ ! -e "$1/proc/$each" ] || { mount --bind "$1/proc/$each" "$1/proc/$each"; mount -o remount,bind,ro "$1/proc/$each"; }
  done
  mount -t sysfs -o ro,nosuid,nodev,noexec sysfs "$1/sys"
  mount -t cgroup2 cgroup2 "$1/sys/fs/cgroup"
  cd "$1"
  mkdir outside
  pivot_root . outside
  umount -l /outside
  rmdir /outside
  mount --make-rshared /
  exec env -i container=medflyt PATH=/usr/sbin:/usr/bin:/sbin:/bin setpriv --bounding-set \
    -sys_module,-sys_rawio,-sys_time,-sys_pacct,-syslog,-wake_alarm,-block_suspend,-audit_read,-audit_control,-mac_admin,-bpf,-perfmon \
    "$2" --unit=multi-user.target
'
bash -c 'echo $$ >"$0/cgroup.procs" && exec "$@"' "$group" unshare --cgroup --pid --uts --ipc --net --mount --fork \
  --kill-child bash -euc "$inside" inside "$root" "$init" </dev/null &
machine=$!
until pid=$(pgrep -P "$machine") && [ "$(cat "/proc/$pid/comm")" = systemd ]; do
  kill -0 "$machine" 2>/dev/null || exit 1
  sleep 0.02
done
echo "booting $pid"
cat >/dev/null
exec 2>/dev/null  # bash tells of what is killed
kill -KILL "$machine"
wait "$machine" || true
