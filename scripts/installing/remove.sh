# shellcheck shell=sh
# The removal that scripts/install does: first it looks for whatever isn't ours, then it takes away. Sourced by it.

# Where the services keep what they have.
STATE='/var/lib/codex /var/lib/codex-front /var/lib/codex-workers /var/log/codex-front'
# What we make in BASE.
PARTS='releases codex current previous scripts systemd docs'
# Other units' settings than ours are nobody's here: drop-ins, and what `systemctl set-property` has made.
DROP_INS='/etc/systemd/system /etc/systemd/system.control'

# Files of /etc/codex that these pages speak of, besides those of codex itself, which reads its system's settings there.
is_setting() {
    case ${1##*/} in
        codex-worker.env | codex-worker@*.env | codex-front.env | keys.toml | keys.toml.lock | api-key | upstream-ca.pem) ;;
        front.toml | worker.toml | .installed) ;;
        *) return 1 ;;
    esac
}

is_codexs() {
    case ${1##*/} in
        config.toml | managed_config.toml | requirements.toml) ;;
        *) return 1 ;;
    esac
}

# Every problem is a line; nothing is removed while there is one.
strange() {
    our_files | while read -r path; do
        [ ! -e "$path" ] || is_ours "$path" || say "$path was changed since it was put there"
    done
    for program in $PROGRAMS; do
        path=/usr/local/bin/$program
        [ ! -e "$path" ] || ours "$path" || say "$path is not a link of this"
    done
    mounts "$BASE"
    unknown_in_base | while read -r path; do
        say "$path is nothing that this knows of; move it away"
    done
    # Somebody else may have made more of the template's.
    systemctl list-units --plain --no-legend 'codex-worker@*.service' | cut -d ' ' -f 1 | while read -r unit; do
        name=${unit#codex-worker@}
        recorded "worker ${name%.service}" || say "$unit was not made by this; stop and disable it"
    done
    # Its unit may be the operator's, who has the stack where this was before.
    ! stack_is_here || say 'codex-compose is enabled or runs, and would be stopped; systemctl disable --now codex-compose'
    [ "$1" = purge ] || return 0
    # shellcheck disable=SC2086  # Several words.
    mounts "$SETTINGS" $STATE
    for path in $STATE; do
        [ ! -L "$path" ] || say "$path is a link; what it points to is not known to be ours"
    done
    for path in "$SETTINGS"/* "$SETTINGS"/.[!.]*; do
        [ ! -e "$path" ] || { is_setting "$path" && [ ! -d "$path" ]; } || is_codexs "$path" ||
            say "$path is nothing that this knows of; move it away"
    done
    for path in /var/lib/codex-workers/*; do
        [ ! -e "$path" ] || recorded "worker ${path##*/}" || say "$path is nothing that this knows of; move it away"
    done
    for user in $(our_users); do
        for process in /proc/[0-9]*; do
            [ "$(stat -c %U "$process" 2>/dev/null)" = "$user" ] || continue
            grep -q '/codex-' "$process/cgroup" 2>/dev/null ||
                say "process ${process#/proc/} ($(cat "$process/comm" 2>/dev/null)) is $user's and no service of this"
        done
    done
}

# Mounts at these folders and below them: what they have is somewhere else, and mostly somebody else's.
mounts() {
    for path in "$@"; do
        path=$(readlink -f "$path") || continue
        cut -d ' ' -f 5 /proc/self/mountinfo | while read -r mount; do
            case $mount/ in
                "$path"/*) say "$mount is a mount; unmount it" ;;
            esac
        done
    done
}

unknown_in_base() {
    for path in "$BASE"/* "$BASE"/.[!.]*; do
        # shellcheck disable=SC2086  # Several words.
        [ ! -e "$path" ] || printf '%s\n' $PARTS scripts.part systemd.part docs.part | grep -qxF -- "${path##*/}" || say "$path"
    done
    for path in "$RELEASES"/* "$CODEXES"/*; do
        # shellcheck disable=SC2254  # A pattern.
        case ${path##*/} in
            $VERSIONS | $VERSIONS.part) ;;
            *) [ ! -e "$path" ] || say "$path" ;;
        esac
    done
    for path in "$CURRENT"/* "$PREVIOUS"/*; do
        [ ! -e "$path" ] || [ -L "$path" ] || say "$path"
    done
}

# remove | purge
remove() {
    if [ ! -f "$RECORD" ]; then
        [ ! -d "$BASE" ] || die "$FAILED" "$RECORD, which says what is ours, is not there; nothing was removed"
        say 'nothing is installed here'
        act rm -f "$LOCK"
        return 0
    fi
    [ ! -e "$BASE" ] || recorded "folder $BASE" || die "$FAILED" "$BASE was not made by this; nothing was removed"
    problems=$(strange "$1")
    [ -z "$problems" ] || die "$FAILED" "nothing was removed:
$problems"
    stop_units
    # Before the record goes; the inner ones first.
    made=$(sed -n 's/^folder //p' "$RECORD" | sort -r)
    our_files | while read -r path; do
        case $path in
            # They go with the users, whom what is left belongs to.
            /etc/sysusers.d/*) [ "$1" = remove ] || act rm -f "$path" ;;
            *) act rm -f "$path" ;;
        esac
    done
    for program in $PROGRAMS codex; do
        ! ours "/usr/local/bin/$program" || act rm -f "/usr/local/bin/$program"
    done
    for part in $PARTS; do
        act rm -rf --one-file-system "${BASE:?}/$part" "${BASE:?}/$part.part"
    done
    act rm -rf --one-file-system /run/codex
    if [ "$1" = purge ]; then
        purge
    else
        act sed -i "/^user /b; /^group /b; /^workers\\? /b; /sysusers\\.d/b; \\:^folder $SETTINGS\$:b; d" "$RECORD"
    fi
    for path in $made; do
        [ ! -d "$path" ] || act rmdir --ignore-fail-on-non-empty "$path"
    done
    act systemctl daemon-reload
    # Those that failed are remembered by name.
    act systemctl reset-failed 'codex-front.*' 'codex-worker.*' 'codex-worker@*' 2>/dev/null || true
    if [ -n "$DRY" ]; then
        :
    elif [ "$1" = purge ]; then
        say 'removed, with settings, state, logs and users'
    else
        say "removed; $SETTINGS, /var/lib/codex*, /var/log/codex-front and the users are left (--purge takes them, too)"
    fi
    # The last of all: without it another one may begin.
    act rm -f "$LOCK"
}

stop_units() {
    stopped=
    for unit in codex-compose.service codex-front.service codex-front.socket codex-worker.service codex-worker.socket; do
        [ ! -e "$UNITS/$unit" ] || stopped="$stopped $unit"
    done
    for name in $(our_workers); do
        [ ! -e "$UNITS/codex-worker@.service" ] || stopped="$stopped codex-worker@$name.service codex-worker@$name.socket"
    done
    [ -n "$stopped" ] || return 0
    # In one job each: the front drains first, and no socket starts a daemon again.
    # shellcheck disable=SC2086  # Several words.
    act systemctl stop $stopped
    # shellcheck disable=SC2086
    act systemctl disable --quiet $stopped
}

# Settings, state, logs, users; the journal is not ours.
purge() {
    for folder in $DROP_INS; do
        for unit in codex-front codex-worker codex-worker@ codex-compose $(our_workers | sed 's/^/codex-worker@/'); do
            act rm -rf --one-file-system "$folder/$unit.service.d" "$folder/$unit.socket.d"
        done
    done
    # shellcheck disable=SC2086  # Several words.
    act rm -rf --one-file-system $STATE
    left=
    groups=$(sed -n 's/^group //p' "$RECORD")
    for user in $(our_users); do
        ! getent passwd "$user" >/dev/null || act userdel "$user" || left="$left $user"
    done
    for group in $groups; do
        ! getent group "$group" >/dev/null || act groupdel "$group" || left="$left $group"
    done
    # The record goes last: with it a second run does what this one could not.
    [ -z "$left" ] || die "$FAILED" "removed but for users and groups that are in use ($left); end what uses them, then this again"
    for path in "$SETTINGS"/* "$SETTINGS"/.[!.]*; do
        [ "$path" = "$RECORD" ] || ! is_setting "$path" || act rm -f "$path"
    done
    act rm -f "$RECORD"
}
