# shellcheck shell=sh
# What stands in the way of an installation: it is looked for before anything is made, so that nothing is left half done. Each is a
# line that says what to do. Sourced by scripts/install.

obstacles() {
    if { [ -e "$BASE" ] || [ -L "$BASE" ]; } && ! recorded "folder $BASE"; then
        say "$BASE is there and was not made by this; move it away (a clone of the repository may lie anywhere else)"
    fi
    in_the_way "$TREE/systemd/codex-gateway.sysusers.conf" /etc/sysusers.d/codex-gateway.conf
    for unit in "$TREE"/systemd/*.service "$TREE"/systemd/*.socket; do
        in_the_way "$unit" "$UNITS/${unit##*/}"
    done
    made=$(mktemp)
    for name in $WORKERS; do
        sysusers_of "$name" >"$made"
        in_the_way "$made" "/etc/sysusers.d/codex-worker-$name.conf"
    done
    drop_in >"$made"
    in_the_way "$made" "$DROP_IN"
    rm -f "$made"
    # Without a start it may stay until it is to make room.
    if [ -n "$START" ] && stack_is_here; then
        say 'codex-compose is enabled or runs, and has the ports of codex-front; systemctl disable --now codex-compose'
    fi
    linked_programs | while read -r program; do
        path=/usr/local/bin/$program
        { [ ! -e "$path" ] && [ ! -L "$path" ]; } || ours "$path" ||
            say "$path is there and isn't a link of this; move it away"
    done
    for group in $(groups_made); do
        strangers "$group" | while read -r user; do
            say "the user $user is in the group $group, which is there already, and could reach what is the gateway's; take it out of the group"
        done
    done
}

# A file that is neither what would be put there nor what an earlier run has put there.
in_the_way() {
    if [ ! -e "$2" ] || cmp -s "$1" "$2" || is_ours "$2"; then return 0; fi
    say "$2 is there and isn't what this has put there; move it away (changes of a unit go into a drop-in: systemctl edit)"
}

# Whether this host serves from containers, now or after its next boot.
stack_is_here() {
    systemctl is-enabled --quiet codex-compose.service 2>/dev/null || systemctl is-active --quiet codex-compose.service
}

linked_programs() {
    # shellcheck disable=SC2086  # Several words.
    printf '%s\n' $PROGRAMS
    [ -z "$CODEX" ] || say codex
}

# Who is in a group that was there before, and is no user of ours.
strangers() {
    ! recorded "group $1" || return 0
    entry=$(getent group "$1") || return 0
    gid=$(say "$entry" | cut -d : -f 3)
    {
        say "$entry" | cut -d : -f 4 | tr ',' '\n'
        getent passwd | while IFS=: read -r user _ _ group _; do
            [ "$group" != "$gid" ] || say "$user"
        done
    } | grep -vxE 'codex-front|codex-worker(-[a-z0-9-]+)?|' | sort -u
}

# The codex that each worker would start must be one that its service can: in systemd's path, and in no home.
codex_is_there() {
    for env in $(env_files); do
        named=$(setting_of "$env" CODEX_BIN)
        if [ -z "$named" ] && [ -n "$CODEX" ]; then continue; fi
        [ -z "$named" ] || [ -z "$CODEX" ] || say "$env says CODEX_BIN=$named, which wins over --codex"
        found=$(command -v "${named:-codex}") || found=
        [ -n "$found" ] || [ -z "$named" ] || die "$MISSING" "$env says CODEX_BIN=$named, which is no program"
        [ -n "$found" ] || die "$MISSING" 'there is no codex: npm install --prefix DIR @openai/codex@0.169.0, and --codex DIR'
        case $(readlink -f "$found") in
            /home/* | /root/* | /run/user/*)
                die "$FAILED" "$found lies in a home, where services can't see it: install it with --codex DIR" ;;
        esac
    done
}

# The settings of the workers that are asked for, whether they are there or not.
env_files() {
    if [ -z "$WORKERS" ]; then say "$SETTINGS/codex-worker.env"; else instances "$SETTINGS/codex-worker@%s.env"; fi
}
