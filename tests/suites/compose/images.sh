# Builds the images of compose/Dockerfile, and stand-ins for those that others make, into an engine's data.
#
#   sh images.sh WORK TREE
#
# WORK has `root`, a Debian with gcc, libc6-dev and ca-certificates; `data` becomes the engine's. TREE is the workspace. The base
# images can't be had without their registry, so they are made of that root and of this machine's own Rust, Node.js and npm, with
# what cargo and npm fetch already in their caches: the stages run as they are, without a network.
# Variables: CLIENTS_NODE, TRAEFIK_BIN and COMPOSE_TOOLS, programs that `cargo xtask fetch-clients` installs; UPSTREAM_BIN, the scripted
# upstream; WHOLE, if set, has every target built; PROFILE in the place of `dev`.
set -eu
work=$1 tree=$2
here=$tree/tests/suites/compose
dir=$(mktemp -d /tmp/engine-XXXXXX)
export DOCKER_HOST="unix://$dir/docker.sock" DOCKER_BUILDKIT=0

unshare --net --mount --pid --fork --kill-child --mount-proc --propagation private sh "$here/engine.sh" "$dir" "$work/data" &
engine=$!
trap 'kill -KILL $engine 2>/dev/null; wait $engine 2>/dev/null || true; rm -rf "$dir"' EXIT
tries=600
until docker version >/dev/null 2>&1; do
    kill -0 $engine || { echo "the engine has ended" >&2; exit 1; }
    tries=$((tries - 1)) && [ $tries -gt 0 ] || { echo "the engine doesn't answer" >&2; exit 1; }
    sleep 0.1
done

# Links of the file system: nothing is copied until it is packed.
stage() { rm -rf "$work/stage"; cp -al "$work/root/" "$work/stage"; }
import() { tar -C "$work/stage" -c . | docker import "$@" >/dev/null; }
link() { mkdir -p "$2" && { cp -al "$1" "$2" 2>/dev/null || cp -a "$1" "$2"; }; }

stage
import - gateway-base/runtime:1

sysroot=$(rustc --print sysroot)
for program in cargo rustc; do link "$sysroot/bin/$program" "$work/stage/usr/local/bin"; done
for library in "$sysroot"/lib/*; do link "$library" "$work/stage/usr/local/lib"; done
registry=${CARGO_HOME:-$HOME/.cargo}/registry
(cd "$tree" && cargo fetch --locked --quiet)
for folder in index cache; do link "$registry/$folder" "$work/stage/usr/local/cargo/registry"; done
# Stripped as a release is, without what would be stripped: the profile `dev` is for the time that it saves.
import --change 'ENV CARGO_HOME=/usr/local/cargo CARGO_NET_OFFLINE=true CARGO_PROFILE_DEV_STRIP=symbols CARGO_PROFILE_DEV_DEBUG=none PATH=/usr/local/bin:/usr/bin:/bin' \
    - gateway-base/rust:1

stage
npm=$(readlink -f "$(command -v npm)")
link "$CLIENTS_NODE" "$work/stage/usr/local/bin"
link "${npm%/bin/npm-cli.js}" "$work/stage/usr/local/lib"
ln -s ../lib/npm/bin/npm-cli.js "$work/stage/usr/local/bin/npm"
packages=$(mktemp -d "$work/npm-XXXXXX")
cp "$tree"/scripts/codex/package*.json "$packages"
(cd "$packages" && npm ci --ignore-scripts --no-audit --no-fund --cache "$work/stage/npm-cache" >/dev/null)
rm -rf "$packages"
import --change 'ENV npm_config_offline=true npm_config_cache=/npm-cache npm_config_audit=false' - gateway-base/node:1
rm -rf "$work/stage"

# The context as a fresh clone has it, with what is not committed yet. The target `upstream` takes minutes more, for a program
# that this machine has built already: only a long run builds it.
for target in front worker ${WHOLE:+upstream}; do
    (cd "$tree" && git ls-files -z --cached --others --exclude-standard | tar --null --files-from - --create) |
        docker build --quiet --file compose/Dockerfile --target $target --tag codex-gateway-$target:latest \
            --build-arg RUST_IMAGE=gateway-base/rust:1 --build-arg NODE_IMAGE=gateway-base/node:1 \
            --build-arg RUNTIME_IMAGE=gateway-base/runtime:1 --build-arg CARGO_PROFILE="${PROFILE:-dev}" \
            --build-arg GATEWAY_REVISION="$(git -C "$tree" rev-parse HEAD)" - >/dev/null
    # The dev stack has names of its own, and tests go back to what was built.
    docker tag codex-gateway-$target:latest codex-gateway-dev-$target:latest
    docker tag codex-gateway-$target:latest codex-gateway-$target:built
done

# What the dev stack takes from others, with the same programs in it.
other() {
    name=$1 program=$2 entry=$3
    mkdir "$dir/other" && cp -L "$program" "$dir/other/program"
    printf 'FROM gateway-base/runtime:1\nCOPY program %s\n%s\n' "$entry" "$4" >"$dir/other/Dockerfile"
    docker build --quiet --tag "$name" "$dir/other" >/dev/null
    rm -rf "$dir/other"
}
other gateway-other/traefik:1 "$TRAEFIK_BIN" /usr/local/bin/traefik 'ENTRYPOINT ["/usr/local/bin/traefik"]'
other gateway-other/prometheus:1 "$(command -v prometheus)" /bin/prometheus 'RUN mkdir /prometheus && chown 65534 /prometheus
USER 65534
ENTRYPOINT ["/bin/prometheus"]'
rotel=$(echo "${COMPOSE_TOOLS%/bin/*}"/lib/python3*/site-packages/rotel/rotel-agent)
other gateway-other/collector:1 "$rotel" /rotel 'ENTRYPOINT ["/rotel", "start", "--otlp-grpc-endpoint", "0.0.0.0:4317", "--otlp-http-endpoint", "0.0.0.0:4318"]'

[ -n "${WHOLE:-}" ] || other codex-gateway-dev-upstream:latest "$UPSTREAM_BIN" /usr/local/bin/scripted-upstream \
    'ENTRYPOINT ["/usr/local/bin/scripted-upstream", "--addr", "0.0.0.0:8080"]'

docker image prune --force >/dev/null
docker image ls
