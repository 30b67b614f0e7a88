# Runs in the background, whose words go to $out.stderr and $out.stdout.

# Until the progress tells that a round has begun, for 30 s or $patience_s.
await_round() { # NUMBER
    local i
    for ((i = 0; i < 10 * ${patience_s:-30}; i++)); do
        ! grep -qs "^round $1 of" "$out.stderr" || return 0
        sleep 0.1
    done
    cat "$out.stderr"
    return 1
}

# shellcheck disable=SC2034 # status is for the tests
finish() { # PID: sets $status
    status=0
    wait "$1" || status=$?
    cat "$out.stdout" "$out.stderr"
}
