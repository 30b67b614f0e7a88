#!/usr/bin/env bats
# railgauge topology, on trees as hwloc writes them down.

bats_require_minimum_version 1.5.0

setup_file() {
    cd "$BATS_TEST_DIRNAME/../.." || return
    export railgauge=$PWD/build/asan/railgauge
}

setup() {
    cd "$BATS_TEST_DIRNAME/../.." || return
    tree=$BATS_TEST_TMPDIR/tree.xml
}

# The rails of a tree: "NIC GPU DISTANCE", one a line, "-" for what is not there.
rails() { # KIND
    tests/fixtures/topology "$1" >"$tree"
    "$railgauge" topology --from "$tree" --format json >"$BATS_TEST_TMPDIR/topology.json"
    scripts/validate "$BATS_TEST_TMPDIR/topology.json"
    run jq -r '.rails[] | [.nic.device // "-", .gpu.pci_address // "-", .distance // "-"] | join(" ")' "$BATS_TEST_TMPDIR/topology.json"
    echo "$output"
    warnings=$(jq -r '.warnings[]' "$BATS_TEST_TMPDIR/topology.json")
}

@test "on an A3 Ultra each of eight NICs goes with the GPU on its switch, and nothing is warned of" {
    rails a3-ultra
    [ "${#lines[@]}" = 8 ]
    [ "$(grep -c ' PIX$' <<<"$output")" = 8 ]
    [ "$(cut -d' ' -f2 <<<"$output" | sort -u | wc -l)" = 8 ]
    [ -z "$warnings" ]
    [[ $output != *eth* ]]
}

@test "the picture fits 100 columns and shows sockets, bridges and rails" {
    tests/fixtures/topology a3-ultra >"$tree"
    run "$railgauge" topology --from "$tree"
    [ "$status" = 0 ]
    [ "$(wc -L <<<"$output")" -le 100 ]
    [ "$(grep -c '^  package' <<<"$output")" = 2 ]
    [ "$(grep -cE '^  [0-7] +mlx5_[0-7] .* PIX$' <<<"$output")" = 8 ]
}

@test "where a NIC is missing its GPU is named, and the others keep theirs" {
    rails nic-missing
    [ "$(grep -c ' PIX$' <<<"$output")" = 7 ]
    [ "${lines[7]}" = "- 0000:10:00.0 -" ]
    [ "$warnings" = "GPU 0000:10:00.0 has no NIC of its own" ]
}

@test "of two GPUs on a NIC's switch the first gets it, and the other is named" {
    rails two-gpus-a-nic
    [ "$(grep -c '^mlx5_[0-3] .* PIX$' <<<"$output")" = 4 ]
    [ "$(grep -c 'has no NIC of its own' <<<"$warnings")" = 4 ]
}

@test "a node without GPUs has rails, and no reason to warn" {
    rails no-gpu
    [ "$output" = $'mlx5_0 - -\nmlx5_1 - -' ]
    [ -z "$warnings" ]
}

@test "NICs whose network device lives in another namespace are told of" {
    rails away
    [ "$(grep -c 'no network device in this network namespace' <<<"$warnings")" = 2 ]
}

@test "a pair that meets at the host bridge, or across sockets, is warned of" {
    rails host-bridge
    [ "$output" = "mlx5_0 0000:03:00.0 PHB" ]
    [[ $warnings == *"crosses a host bridge"* ]]
    rails across
    [ "$output" = "mlx5_0 0000:03:00.0 SYS" ]
    [[ $warnings == *"across sockets"* ]]
}

@test "an NVSwitch is no GPU" {
    rails nvswitch
    [ "$output" = "mlx5_0 0000:04:00.0 PIX" ]
}

@test "through several switches it is PXB" {
    rails two-levels
    [ "$output" = $'mlx5_0 0000:05:00.0 PXB\nmlx5_1 0000:07:00.0 PXB' ]
}

@test "the nearest are joined first: no NIC takes another's neighbour because it comes first" {
    rails crossed
    [ "${lines[1]}" = "mlx5_1 0000:07:00.0 PIX" ]
    [ "${lines[0]}" = "mlx5_0 0000:0c:00.0 PHB" ]
}

@test "a node that shows nothing says so" {
    rails nothing
    [ -z "$output" ]
    [[ $warnings == *"a container may hide them"* ]]
    run env ASAN_OPTIONS=detect_leaks=0 "$railgauge" topology # what looks at PCI for hwloc keeps its memory
    [ "$status" = 0 ]
}

@test "a file that is none of hwloc's is refused in one line" {
    tests/fixtures/topology a3-ultra | head -c 2000 >"$BATS_TEST_TMPDIR/cut.xml"
    for file in /dev/null /nonexistent /tmp README.md "$BATS_TEST_TMPDIR/cut.xml"; do
        run --separate-stderr "$railgauge" topology --from "$file"
        [ "$status" = 2 ]
        [ "${#stderr_lines[@]}" = 1 ]
        [[ $stderr == *"$file"* ]]
    done
}
