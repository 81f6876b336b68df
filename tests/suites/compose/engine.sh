# Starts a Docker Engine on a host of its own: network, mounts and processes are seen by nobody else, and end with it.
#
#   unshare --net --mount --pid --fork --kill-child --mount-proc --propagation private sh engine.sh DIR DATA
#
# DIR is an empty folder with a short path: the socket `docker.sock` and the engine's files go there. DATA keeps images
# from one start to the next; containers, networks and volumes of the last one are taken away. It needs root.
set -eu
dir=$1 data=$2
ip link set lo up

# Layers on layers where the file system can, copies where it can't.
driver=overlay2
mkdir -p "$data/probe/lower" "$data/probe/upper" "$data/probe/work" "$data/probe/root"
if mount -t overlay none -o "lowerdir=$data/probe/lower,upperdir=$data/probe/upper,workdir=$data/probe/work" "$data/probe/root"; then
    umount "$data/probe/root"
else
    driver=vfs
fi

# Names are looked up as on a host that knows its own: tests write here.
cp /etc/hosts "$dir/hosts"
mount --bind "$dir/hosts" /etc/hosts

rm -rf "$data/containers" "$data/network" "$data/volumes"
exec docker-init -- dockerd --storage-driver "$driver" --data-root "$data" --exec-root "$dir/x" --pidfile "$dir/pid" \
    --host "unix://$dir/docker.sock" --log-level warn
