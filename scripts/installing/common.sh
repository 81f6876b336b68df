# shellcheck shell=sh
# What scripts/install and scripts/upgrade have in common: places, words, and how a version is put on the host and taken into use.
# POSIX sh and what a bare Debian has; sourced, never run.

# Whatever the caller's shell has: what is made here is no group's to write, what is read here is in English, and programs are those
# that a service would find.
umask 022
LC_ALL=C PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
export LC_ALL PATH

# shellcheck disable=SC2034  # Used by those that source it.
GOOD=0 FAILED=1 USAGE=2 MISSING=3
EXIT_CODES='exit codes: 0 all is as it should be; 1 something is not, or could not be done; 2 a wrong option; 3 a program or a file
that this needs is missing'

# Everything of ours that is no setting and no state.
BASE=/opt/codex-gateway
# A folder for each version of the programs, and of codex: VERSION-CHECKSUM.
RELEASES=$BASE/releases
CODEXES=$BASE/codex
# What is in use, and what was before: links named front, worker and codex.
CURRENT=$BASE/current
PREVIOUS=$BASE/previous
UNITS=/etc/systemd/system
SETTINGS=/etc/codex
# What scripts/install has made: see installing/record.sh.
RECORD=$SETTINGS/.installed
PROGRAMS='http-front worker-daemon codexctl'
# Versions that stay, besides those in use and before.
KEEP=3
DRY=

say() { printf '%s\n' "$*"; }
complain() { printf '%s: %s\n' "${0##*/}" "$*" >&2; }

# Ends with a code and the reason, in words that say what to do.
die() {
    code=$1
    shift
    complain "$*"
    exit "$code"
}

# Does it, or says in a dry run that it would be done.
act() {
    if [ -n "$DRY" ]; then
        say "would run: $*"
    else
        "$@"
    fi
}

# The same for a file whose content is on stdin: act_write MODE FILE.
act_write() {
    if [ -n "$DRY" ]; then
        say "would write: $2"
        cat >/dev/null
    else
        install -m "$1" /dev/null "$2.new"
        cat >"$2.new"
        mv "$2.new" "$2"
    fi
}

need_host() {
    [ "$(id -u)" = 0 ] || die "$FAILED" 'this needs root'
    [ -d /run/systemd/system ] || die "$MISSING" 'this host was not started by systemd'
    found=$(systemctl --version | sed -n '1s/^systemd \([0-9]*\).*/\1/p')
    [ "${found:-0}" -ge 250 ] || die "$MISSING" "the units need systemd 250 or newer, this is ${found:-none}"
}

# Two at once would switch links under each other. Held until the end.
LOCK=/run/codex-gateway.lock
alone() {
    [ -z "$DRY" ] || return 0
    exec 9>"$LOCK"
    flock --nonblock 9 || die "$FAILED" 'another install or upgrade runs'
}

# The version that a program tells, and a checksum of the files: the same version built anew is another release.
named() {
    version=$1
    shift
    # Nobody forges it here, and codex has 300 MB: a second less with each installation.
    printf '%s-%08x\n' "$version" "$(cat "$@" | cksum | cut -d ' ' -f 1)"
}

# "http-front 0.1.0", "codex-cli 0.169.0" -> the version; nothing where the file is no such program. codex makes a folder for itself
# wherever it runs.
version_of() {
    scratch=$(mktemp -d)
    CODEX_HOME=$scratch HOME=$scratch "$1" --version 2>/dev/null | sed -n '1s/^[a-z-]* \([0-9A-Za-z.+-]*\)$/\1/p'
    rm -rf "$scratch"
}

# What the programs of a folder would be called as a release.
programs_in() {
    for program in $PROGRAMS; do
        [ -x "$1/$program" ] || die "$MISSING" "there is no program $1/$program; build them (cargo build --release) or say where they are (--from DIR)"
    done
    version=$(version_of "$1/http-front")
    [ -n "$version" ] || die "$FAILED" "$1/http-front doesn't run here, or is none of ours"
    say "$RELEASES/$(named "$version" "$1/http-front" "$1/worker-daemon" "$1/codexctl")"
}

# The package of codex in a folder: the folder itself with bin/codex, npm's package of a platform, or where npm installed it.
package_in() {
    for found in "$1" "$1"/vendor/*-linux-* "$1"/node_modules/@openai/codex-linux-*/vendor/*-linux-*; do
        if [ -x "$found/bin/codex" ]; then
            say "$found"
            return 0
        fi
    done
    die "$MISSING" "there is no codex in $1: npm install --prefix DIR @openai/codex@VERSION, and then that DIR"
}

codex_in() {
    package=$(package_in "$1")
    version=$(version_of "$package/bin/codex")
    [ -n "$version" ] || die "$FAILED" "$package/bin/codex doesn't run here, or is no codex"
    say "$CODEXES/$(named "$version" "$package/bin/codex")"
}

# Puts them there, as programs_in and codex_in have named it, and says where that is.
place_programs() {
    target=$(programs_in "$1")
    place "$target" "$1/http-front" "$1/worker-daemon" "$1/codexctl"
}

place_codex() {
    package=$(package_in "$1")
    target=$(codex_in "$1")
    place "$target" "$package"/*
}

# place TARGET FILE…: copies it beside, so that a copy that was cut off isn't taken for a whole one.
place() {
    target=$1
    shift
    if [ ! -d "$target" ] && [ -z "$DRY" ]; then
        rm -rf "$target.part"
        install -d -m 0755 "$target.part"
        cp -R --preserve=mode,timestamps "$@" "$target.part"
        chown -R root:root "$target.part"
        chmod -R go-w,a+rX "$target.part"
        # A power cut must not leave a whole folder of empty files.
        sync -f "$target.part"
        mv "$target.part" "$target"
    fi
    say "$target"
}

# The release that a link of ours names; nothing where there is none.
linked() { readlink "$1" || true; }

# Points a link at a target in one step: a program that starts meanwhile finds the one or the other.
point() {
    act ln -sfn "$2" "$1.new"
    act mv -T "$1.new" "$1"
}

# take PART TARGET: from now on PART is this version; the one before is kept to go back to. In this order a run that is cut off in
# between loses neither: said again, it goes on.
take() {
    before=$(linked "$CURRENT/$1")
    [ "$before" != "$2" ] || return 0
    if [ "$(linked "$PREVIOUS/$1")" = "$2" ]; then
        point "$CURRENT/$1" "$2"
        [ -z "$before" ] || point "$PREVIOUS/$1" "$before"
    else
        [ -z "$before" ] || point "$PREVIOUS/$1" "$before"
        point "$CURRENT/$1" "$2"
    fi
}

# What names a version: VERSION-CHECKSUM.
VERSIONS='*-[0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f]'

# The files that processes of this host run, a line each.
executed() {
    for process in /proc/[0-9]*; do
        readlink "$process/exe" 2>/dev/null || true
    done | sort -u
}

# Removes versions that are neither in use nor the ones before nor among the newest, and copies that were cut off.
prune() {
    in_use=$(executed)
    for folder in "$RELEASES" "$CODEXES"; do
        kept=0
        # shellcheck disable=SC2086  # A pattern.
        for part in "$folder"/$VERSIONS.part; do
            [ ! -d "$part" ] || act rm -rf --one-file-system "$part"
        done
        # The newest first.
        # shellcheck disable=SC2045,SC2086  # Names are ours, without spaces.
        for release in $(ls -1dt "$folder"/$VERSIONS/ 2>/dev/null); do
            release=${release%/}
            kept=$((kept + 1))
            [ "$kept" -gt "$KEEP" ] || continue
            used=
            for link in "$CURRENT"/* "$PREVIOUS"/*; do
                [ "$(linked "$link")" != "$release" ] || used=1
            done
            # Those that were replaced and still finish what they have.
            ! say "$in_use" | grep -qF -- "$(readlink -f "$release")/" || used=1
            [ -n "$used" ] || act rm -rf --one-file-system "$release"
        done
    done
}

# The units of the workers that run.
running_workers() {
    systemctl list-units --plain --no-legend --state=active 'codex-worker.service' 'codex-worker@*.service' | cut -d ' ' -f 1
}

# Whether two names are of the same folder.
same() { [ "$(stat -L -c %d:%i "$1" 2>/dev/null)" = "$(stat -L -c %d:%i "$2" 2>/dev/null)" ]; }

# setting_of FILE NAME: what a file of settings says, as systemd reads it: the last one wins, quotes around it are no part of it.
setting_of() {
    sed -n "s/^[[:space:]]*$2[[:space:]]*=[[:space:]]*//p" "$1" 2>/dev/null | tail -n 1 |
        sed -e 's/[[:space:]]*$//' -e 's/^"\(.*\)"$/\1/' -e "s/^'\(.*\)'\$/\1/"
}

property() { systemctl show --value --property "$2" "$1"; }

# The path of a worker's socket, by its unit.
socket_of() {
    case $1 in
        codex-worker@*) name=${1#codex-worker@} && say "/run/codex/worker-${name%.service}.sock" ;;
        *) say /run/codex/worker.sock ;;
    esac
}
