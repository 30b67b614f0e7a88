# What the tests on the cluster share. They run as root on node 0; node1 is reached by ssh.

load ../background
export patience_s=60
railgauge=$PWD/build/railgauge

setup() {
    out=$BATS_TEST_TMPDIR/run
}

# A run between all nodes of the cluster into $out, with small buffers: the machines are small, too.
measure() { # OPTION...
    run "$railgauge" run --hostfile "$SOFTROCE_HOSTFILE" --quiet -o "$out" --working-set 1M --depth 4 --signal-interval 1 \
        --deadline 60 "$@"
    echo "$output"
}

# The same in the background, while something happens to it; soon out of patience.
# shellcheck disable=SC2034 # front is for the tests
begin() { # OPTION...: sets $front
    "$railgauge" run --hostfile "$SOFTROCE_HOSTFILE" -o "$out" --working-set 1M --depth 4 --signal-interval 1 --deadline 5 \
        --qp-timeout 14 --retry-count 4 "$@" >"$out.stdout" 2>"$out.stderr" &
    front=$!
}

# A figure of the measurements that jq selects: numbers, one a line.
figure() { # JQ-EXPRESSION
    jq -r "$1" "$out/measurements.ndjson"
}

# Fails unless lo <= value <= hi.
between() { # VALUE LO HI
    echo "$2 <= $1 <= $3?"
    [ "$(echo "$1 >= $2 && $1 <= $3" | bc -l)" = 1 ]
}

valid() {
    scripts/validate "$out"
}
