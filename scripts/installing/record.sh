# shellcheck shell=sh
# What scripts/install makes on the host, and how it writes down that it did: the removal goes by that record. Sourced by it.

# The record has lines "user NAME", "group NAME", "worker NAME", "workers NAMES", "folder PATH", "file PATH DIGEST". It lies with
# the settings, so that it outlives --remove.
recorded() { [ -f "$RECORD" ] && grep -qxF -- "$*" "$RECORD"; }

record() {
    recorded "$*" || [ -n "$DRY" ] || say "$*" >>"$RECORD"
}

# Takes lines of this pattern out of the record.
forget() {
    [ ! -f "$RECORD" ] || act sed -i "$1" "$RECORD"
}

digest_of() { sha256sum "$1" | cut -d ' ' -f 1; }

# Whether the file that is there was put there by this, and is as it was.
is_ours() { recorded "file $1 $(digest_of "$1")"; }

# A folder, which the removal takes away where it was made here. Written down first: one that nobody has written down is somebody's.
folder() {
    if [ ! -d "$2" ]; then
        [ "$2" = "$SETTINGS" ] || record "folder $2"
        act install -d -m "$1" "$2"
        record "folder $2"
    fi
}

# file SOURCE TARGET: a file of ours, which nothing is in the way of (obstacles).
file() {
    cmp -s "$1" "$2" || act install -m 0644 "$1" "$2"
    [ -n "$DRY" ] || record "file $2 $(digest_of "$1")"
}

# link PATH TARGET: one in the path of programs; the same.
link() {
    [ -L "$1" ] || act ln -s "$2" "$1"
}

# Settings that are there already are the operator's.
setting() {
    [ -e "$2" ] || act install -m 0600 "$1" "$2"
}

# Whether a link points into our folder.
ours() {
    case $(linked "$1") in
        "$CURRENT"/*) return 0 ;;
        *) return 1 ;;
    esac
}

our_files() { sed -n 's/^file //p' "$RECORD" | cut -d ' ' -f 1 | sort -u; }
our_users() { sed -n 's/^user //p' "$RECORD"; }
our_workers() { sed -n 's/^worker //p' "$RECORD"; }
