# Starts a machine from a root folder, which stays as it is, and waits for the machine's end.
#
#   unshare --mount --propagation private sh boot.sh NAME ROOT DIR [option or argument of systemd-nspawn …]
#
# NAME is the machine's, and that of a control group of its own. DIR is an empty folder; what is mounted there is seen
# from here alone. It needs root.
set -eu
name=$1 root=$2 dir=$3
shift 3

# systemd needs the unified hierarchy, which older machines don't have in its place.
umount -R /sys/fs/cgroup 2>/dev/null || true
mount -t cgroup2 none /sys/fs/cgroup
group=/sys/fs/cgroup/$name
mkdir "$group"
trap 'find "$group" -depth -type d -exec rmdir {} + 2>/dev/null || true' EXIT

# nspawn makes folders here, and takes them away only where /run is in memory.
mkdir -p /run/systemd/nspawn
mount -t tmpfs none /run/systemd/nspawn

# What the machine writes is in memory, and gone with it.
mount -t tmpfs none "$dir"
mkdir "$dir/upper" "$dir/work" "$dir/root"
mount -t overlay none -o "lowerdir=$root,upperdir=$dir/upper,workdir=$dir/work" "$dir/root"

# A machine that wants to reboot ends with 133.
code=133
while [ "$code" = 133 ]; do
    code=0
    sh -c 'echo $$ >"$1/cgroup.procs"; shift; exec "$@"' sh "$group" \
        systemd-nspawn --quiet --directory="$dir/root" --machine="$name" --register=no --keep-unit --private-network \
        --link-journal=no --console=pipe "$@" </dev/null || code=$?
done
exit "$code"
