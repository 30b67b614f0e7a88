#!/usr/bin/env bats
# Documents in, reports out: a run of three nodes, one of whose rails is slow, held against a machine, an earlier run and its fleet. Nodes are
# named so that every format has something to escape; one flow is unsupported, one latency was measured before and not now. Each report is
# read back by a tool of its own field. GOLDEN_UPDATE=1 writes the reports anew: read the difference before you keep it.

bats_require_minimum_version 1.5.0

setup() {
    cd "$BATS_TEST_DIRNAME/../.." || return
    railgauge=$PWD/build/asan/railgauge
    golden=tests/golden
    work=$BATS_TEST_TMPDIR
}

# The report in a file; the run fails, so that its status is 1.
report() { # FORMAT
    run -1 --separate-stderr "$railgauge" compare "$golden"/now --machine "$golden"/lab.json --baseline "$golden"/before --fleet --format "$1"
    [ -z "$stderr" ]
    printf '%s\n' "$output" >"$work/report"
}

is_golden() { # FORMAT FILE
    report "$1"
    [ -z "${GOLDEN_UPDATE:-}" ] || cp "$work/report" "$golden/$2"
    diff -u "$golden/$2" "$work/report"
}

need() { # PROGRAM
    command -v "$1" >/dev/null || skip "$1 is not installed"
}

@test "the documents that go in are valid" {
    run -0 scripts/validate "$golden"/now "$golden"/before "$golden"/lab.json
}

@test "text is the golden one, at most 100 columns wide" {
    is_golden text report.txt
    [ "$(wc -L <"$work/report")" -le 100 ]
}

@test "json is the golden one, and valid by the schema" {
    is_golden json report.json
    cp "$work/report" "$work/verdict.json"
    run -0 scripts/validate "$work/verdict.json"
    run -0 jq -r '.against.kind, ([.expectations[].bounds[].kind] | unique | join(" "))' "$work/verdict.json"
    [ "${lines[0]}" = several ]
    [ "${lines[1]}" = "fleet machine run" ]
}

@test "json: a row is as bad as the worst that it was held against" {
    report json
    run -0 jq '{"fail": 5, "noisy": 4, "not_run": 3, "unsupported": 2, "pass": 1} as $weight | [.expectations[] | select(.bounds != [])
        | .status == (.bounds | max_by($weight[.status]) | .status)] | all, length > 20' "$work/report"
    [ "$output" = $'true\ntrue' ]
}

@test "against an earlier run alone, percentages are of the machine that the run was started with, which promises nothing" {
    cp -r "$golden/now" "$work/now"
    jq --arg lab "$PWD/$golden/lab.json" '.machine = $lab' "$golden/now/run.json" >"$work/now/run.json"
    run -1 "$railgauge" compare "$work/now" --baseline "$golden/before" --format json
    jq -e '[.expectations[] | select(.metric == "bandwidth_gbps" and .measured != null) | .nominal_percent > 70 and .ceiling_percent > 70] | all' <<<"$output"
    [ "$(jq -r '.against.kind, ([.expectations[].bounds[].kind] | unique | join(" "))' <<<"$output")" = $'run\nrun' ]
    jq '.machine = "/no/such/lab.json"' "$golden/now/run.json" >"$work/now/run.json"
    run -1 --separate-stderr "$railgauge" compare "$work/now" --baseline "$golden/before" --format json
    [ -z "$stderr" ]
    jq -e '[.expectations[].nominal_percent] | all(. == null)' <<<"$output"
}

@test "markdown is the golden one, and a renderer finds its tables whole and no markup of a node's name" {
    is_golden markdown report.md
    need cmark-gfm
    run -0 cmark-gfm -e table --unsafe "$golden/report.md"
    printf '%s\n' "$output" >"$work/page.html"
    [ "$(grep -c '<table>' "$work/page.html")" = 2 ]
    run ! grep -E '<b>|<em>|<code>|<script' "$work/page.html"
    grep -q '&lt;b&gt;node|b&lt;/b&gt; rail 1 receives' "$work/page.html"
    # Every row of a table has its head's number of cells.
    run -0 awk '/<table>/ { head = 0; cells = 0 } /<th[ >]/ { head++ } /<td[ >]/ { cells++ } /<\/tr>/ && cells { if (cells != head) print; cells = 0 }
        END { print "rows" }' "$work/page.html"
    [ "$output" = rows ]
}

@test "no name moves a terminal's cursor, calls a person or leads to a site" {
    cp -r "$golden/now" "$work/now"
    sed -i 's#<b>node|b</b>#@team http://a.example www.b.example \\u001b[31m\\u009b5n#g' "$work/now/run.json" "$work/now/measurements.ndjson"
    run -1 --separate-stderr "$railgauge" compare "$work/now" --machine "$golden/lab.json"
    [[ $output == *"?[31m??5n"* ]]
    run -1 grep -P '[\x00-\x08\x0b-\x1f\x7f]|\xc2[\x80-\x9f]' <<<"$output"
    run -1 --separate-stderr "$railgauge" compare "$work/now" --machine "$golden/lab.json" --format markdown
    run -1 grep -E '@|://|www\.' <<<"$output"
    need cmark-gfm
    "$railgauge" compare "$work/now" --machine "$golden/lab.json" --format markdown >"$work/report.md" || [ $? = 1 ]
    run -0 cmark-gfm -e table -e autolink --unsafe "$work/report.md"
    [[ $output == *"@team http://a.example www.b.example"* ]]
    run -1 grep '<a ' <<<"$output"
}

@test "junit is the golden one, valid by JUnit's schema, and counts what it holds" {
    is_golden junit report.xml
    need xmllint
    run -0 xmllint --noout --schema "$golden"/junit.xsd "$golden/report.xml"
    local what
    for what in testcase/failure:failures testcase/error:errors testcase/skipped:skipped testcase:tests; do
        [ "$(xmllint --xpath "count(//${what%:*})" "$golden/report.xml")" = "$(xmllint --xpath "string(/testsuites/@${what#*:})" "$golden/report.xml")" ]
        [ "$(xmllint --xpath "count(//testsuite[count(${what%:*}) != @${what#*:}])" "$golden/report.xml")" = 0 ]
    done
    [ "$(xmllint --xpath 'string(//testcase[@name="verdict"]/failure/@type)' "$golden/report.xml")" = fail ]
}

@test "openmetrics is the golden one; Prometheus finds nothing amiss and takes it in" {
    is_golden openmetrics report.openmetrics
    [ "$(tail -n 1 "$golden/report.openmetrics")" = '# EOF' ]
    need promtool
    run -0 promtool check metrics <"$golden/report.openmetrics"
    [ -z "$output" ]
    # Its parser of OpenMetrics is that of the backfill, which wants a time with each sample.
    sed -E 's/^([^#].*)$/\1 1772330400/' "$golden/report.openmetrics" >"$work/timed"
    run -0 promtool tsdb create-blocks-from openmetrics "$work/timed" "$work/blocks"
    samples=$(grep -c '^[^#]' "$golden/report.openmetrics")
    [ "$(awk '$2 ~ /^[0-9]/ && NF > 5 { print $(NF - 3) }' <<<"$output" | tail -n 1)" = "$samples" ]
}

@test "openmetrics has base units, and the labels that a dashboard groups by" {
    report openmetrics
    run -0 grep -c '^railgauge_bandwidth_bytes_per_second{node="node-a",rail="[01]",side="[rt]x",test="rdma_write_bw",size="65536",direction="one_way"' "$work/report"
    [ "$output" = 4 ]
    # 311.2 Gb/s are 38.9 GB/s; 2.0 us are 2e-06 s.
    grep -qE '^railgauge_bandwidth_bytes_per_second\{node="node \\"c\\" & co _d_",rail="1",side="tx",.* 3889[0-9]+' "$work/report"
    grep -qE '^railgauge_latency_median_seconds\{.* 2\.0[0-9]+e-06$' "$work/report"
}

# A run of so many of the golden run's latencies, which nothing is summed of.
latencies() { # COUNT DIRECTORY
    mkdir "$2"
    jq -c 'select(.test == "rdma_write_lat")' "$golden"/now/measurements.ndjson | head -n "$1" >"$2/measurements.ndjson"
    jq ".measurements = $1" "$golden"/now/run.json >"$2/run.json"
}

@test "what is missing passes in no format" {
    latencies 2 "$work/whole"
    latencies 1 "$work/lacking"
    cp -r "$work/whole" "$work/again"
    run -0 "$railgauge" compare "$work/whole" --baseline "$work/again"
    for format in text json markdown junit openmetrics; do
        run -3 "$railgauge" compare "$work/lacking" --baseline "$work/whole" --format $format
        printf '%s\n' "$output" >"$work/$format"
    done
    grep -q '^INCONCLUSIVE: 2 of 4 expectations' "$work/text"
    [ "$(jq -c '[.status, .counts.pass, .counts.not_run]' "$work/json")" = '["inconclusive",2,2]' ]
    grep -q '^### railgauge: INCONCLUSIVE' "$work/markdown"
    grep -q '^| not_run | ' "$work/markdown"
    [ "$(grep -c '<error type="not_run"' "$work/junit")" = 4 ] # the median and the tail, of the sender and the receiver
    grep -q '<error type="inconclusive" message="2 of 4' "$work/junit"
    grep -q '^railgauge_exit_status 3$' "$work/openmetrics"
    grep -q '^railgauge_measurements{status="not_run"} 2$' "$work/openmetrics"
}

@test "only like is held against like, and what is unlike is listed with the reason" {
    mkdir "$work/unlike"
    cp "$golden"/before/run.json "$work/unlike/"
    sed 's/"memory": "host"/"memory": "cuda"/; s/"queue_pairs": 1/"queue_pairs": 4/' "$golden"/before/measurements.ndjson >"$work/unlike/measurements.ndjson"
    run -3 --separate-stderr "$railgauge" compare "$golden"/before --baseline "$work/unlike" --format json
    [ "$(jq '.counts.pass' <<<"$output")" = 0 ]
    jq -e '.incompatible | any(. == "rdma_write_bw 64K one_way is not compared with run 20260228T020000Z-00000001: that measured it with memory cuda, here host; 4 queue pairs, here 1")' <<<"$output"
}

@test "--learn makes a machine of good runs that each of them passes, valid and with the runs named" {
    local runs=()
    for seed in 1 2 3 4; do
        "$railgauge" simulate --nodes 4 --rails 2 --size 4K,64K --seed $seed -o "$work/run$seed" >"$work/said"
        runs+=("$work/run$seed")
    done
    run -0 "$railgauge" compare --learn "${runs[@]}" -o "$work/lab-2.json"
    [ "${lines[0]}" = "$work/lab-2.json: 4 expectations from 4 runs; 99 of 100 runs like these meet all of them" ]
    [[ ${lines[1]} =~ ^"  rdma_write_bw 4K one_way, 1 queue pair".*rail.*" 3"[89][0-9.]+" Gb/s -  "[0-9.]+" %"$ ]]
    [ "${lines[-1]}" = "railgauge compare RUN --machine $work/lab-2.json judges by it." ]
    run -0 scripts/validate "$work/lab-2.json"
    for directory in "${runs[@]}"; do
        run -0 "$railgauge" compare "$directory" --machine "$work/lab-2.json"
        [[ $output == "PASS: 96 of 96 expectations of lab-2 are met"* ]]
        grep -q "$(jq -r .run_id "$directory/run.json")" <(jq -r '.sources[].note' "$work/lab-2.json")
    done
    # The centre is the fabric's own rate, 98.0 % of 400 Gb/s less its noise, and 5 % less is found.
    jq -e '.expectations[] | select(.scope == "rail") | .expected > 385 and .expected < 393 and .tolerance_percent < 3' "$work/lab-2.json"
    "$railgauge" simulate --nodes 4 --rails 2 --size 4K,64K --fault slow,part=node,node=1,loss=5 -o "$work/slow" >"$work/said" || [ $? = 1 ]
    run -1 "$railgauge" compare "$work/slow" --machine "$work/lab-2.json"
}

@test "of what --learn learned, other good runs pass, and the rows of a larger run are given more" {
    local runs=() bad=0
    for seed in 1 2 3; do
        "$railgauge" simulate --nodes 4 --rails 4 --pattern pairs --test rdma_write_bw --seed $seed -o "$work/run$seed" >"$work/said"
        runs+=("$work/run$seed")
    done
    run -0 "$railgauge" compare --learn "${runs[@]}" -o "$work/lab-2.json"
    for seed in $(seq 4 23); do
        "$railgauge" simulate --nodes 4 --rails 4 --pattern pairs --test rdma_write_bw --seed "$seed" -o "$work/other$seed" >"$work/said"
        "$railgauge" compare "$work/other$seed" --machine "$work/lab-2.json" >"$work/said" || bad=$((bad + 1))
    done
    [ $bad = 0 ]
    runs=()
    for seed in 1 2 3; do
        "$railgauge" simulate --nodes 40 --rails 8 --seed $seed -o "$work/large$seed" >"$work/said"
        runs+=("$work/large$seed")
    done
    run -0 "$railgauge" compare --learn "${runs[@]}" -o "$work/lab-40.json"
    jq -es '[.[].expectations[] | select(.scope == "rail") | .tolerance_percent] | .[0] < .[1] and .[1] < 4' "$work/lab-2.json" "$work/lab-40.json"
}

@test "of collectives, with one row a run, --learn knows how little three runs tell: other good runs pass" {
    local runs=() bad=0
    for seed in $(seq 1 40); do
        build/railgauge simulate --nodes 4 --rails 2 --test all_reduce --size 1M:1G:4 --noise 2 --seed "$seed" -o "$work/run$seed" >"$work/said"
    done
    for first in 1 4 7; do
        runs=("$work/run$first" "$work/run$((first + 1))" "$work/run$((first + 2))")
        run -0 "$railgauge" compare --learn "${runs[@]}" -o "$work/lab-$first.json"
        for seed in $(seq 10 40); do
            build/railgauge compare "$work/run$seed" --machine "$work/lab-$first.json" >"$work/said" || bad=$((bad + 1))
        done
    done
    [ $bad = 0 ]
    # What spreads so far has no expectation, since nothing would fail it; the others have.
    for seed in 1 2 3; do
        jq -c "if .size_bytes == 1048576 then .collective.busbw_gigabytes_per_s *= (0.75 + 0.125 * $seed) else . end" \
            "$work/run$seed/measurements.ndjson" >"$work/lines"
        mv "$work/lines" "$work/run$seed/measurements.ndjson"
    done
    run -0 "$railgauge" compare --learn "$work"/run[123] -o "$work/fewer.json"
    [[ ${lines[0]} == *": 5 expectations from 3 runs;"* ]]
    [[ $output == *"  all_reduce 1M float32 sum out_of_place world, busbw_gigabytes_per_s: not learned: its tolerance would be "*" %; about "[0-9]*" runs would do"* ]]
}

@test "junit tells an inconclusive run, lost ranks and what is no hardware by these names" {
    "$railgauge" simulate --nodes 3 --rails 2 --fault dies,part=node,node=2,at=1 -o "$work/lost" >"$work/said" || [ $? = 3 ]
    run -3 "$railgauge" compare "$work/lost" --format junit
    [ "$(grep -c '<error type="inconclusive" message=".*2 ranks were lost' <<<"$output")" = 1 ]
    [ "$(grep -c '<error type="not_run" message="rank [45] (sim002, rail [01]): ' <<<"$output")" = 2 ]
    grep -q '<skipped message="not hardware: simulated fabric"/>' <<<"$output"
    printf '%s\n' "$output" >"$work/report.xml"
    need xmllint
    run -0 xmllint --noout --schema "$golden"/junit.xsd "$work/report.xml"
    [ "$(xmllint --xpath 'count(//testcase/error)' "$work/report.xml")" = "$(xmllint --xpath 'string(/testsuites/@errors)' "$work/report.xml")" ]
}

@test "what a lost node took part in is laid to it alone, and the others keep their figures" {
    "$railgauge" simulate --nodes 4 --rails 2 --pattern pairs -o "$work/whole" >"$work/said"
    "$railgauge" simulate --nodes 4 --rails 2 --pattern pairs --fault dies,part=node,node=2,at=0 -o "$work/lost" >"$work/said" || [ $? = 3 ]
    run -3 "$railgauge" compare "$work/lost" --baseline "$work/whole" --format openmetrics
    [ "$(grep '^railgauge_status' <<<"$output" | grep -c 'node="sim002".*status="not_run"')" = 6 ] # two rails and their sum, both ways
    [ "$(grep '^railgauge_status' <<<"$output" | grep -v 'node="sim002"' | grep -c 'status="pass"')" = 18 ]
    [ "$(grep -c '^railgauge_bandwidth_bytes_per_second' <<<"$output")" = 18 ]
    run -3 "$railgauge" compare "$work/lost" --baseline "$work/whole" --format junit
    [ "$(grep -c '<error type="not_run" message="expected .*: sim002 was lost; 3 of 3"' <<<"$output")" = 6 ]
    run -1 grep 'this one does not' <<<"$output"
    run -3 "$railgauge" compare "$work/lost" --baseline "$work/whole"
    [[ $output == *"lost: rank 4 and 1 more (sim002, rails 0, 1): "* ]]
}

@test "what was measured before a node was lost is laid to whom it accuses, not to the node" {
    "$railgauge" simulate --nodes 4 --rails 2 --pattern pairs --seed 3 -o "$work/whole" >"$work/said"
    "$railgauge" simulate --nodes 4 --rails 2 --pattern pairs --seed 3 --fault dies,part=node,node=2,at=5 \
        --fault slow,part=tx,node=1,rail=0,loss=30 -o "$work/both" >"$work/said" || [ $? = 1 ]
    jq -s -e 'any(.[]; .flow.to.node == "sim002" and .flow.from.node == "sim001" and .status == "ok")' "$work/both/measurements.ndjson"
    run -1 "$railgauge" compare "$work/both" --baseline "$work/whole" --format markdown
    run -0 grep '^| fail ' <<<"$output"
    [[ $output != *"| sim002"* && $output == *"| sim001 rail 0 sends"* ]]
}

@test "a slow part's partners do not fail with it; without line rates text has what was expected" {
    "$railgauge" simulate --nodes 4 --rails 2 --pattern pairs -o "$work/well" >"$work/said"
    "$railgauge" simulate --nodes 4 --rails 2 --pattern pairs --seed 2 --fault slow,part=tx,node=1,rail=1,loss=20 -o "$work/slow" >"$work/said" || [ $? = 1 ]
    run -1 "$railgauge" compare "$work/slow" --baseline "$work/well" --format openmetrics
    run -0 grep -E '^railgauge_status.*status="(fail|noisy)"' <<<"$output"
    [ "${#lines[@]}" = 2 ]
    [[ ${lines[0]} == *'node="sim001",rail="1",side="tx"'* && ${lines[1]} == *'node="sim001",side="tx"'*'scope="node"'* ]]
    run -1 "$railgauge" compare "$work/slow" --baseline "$work/well"
    grep -qE '^ +status +where +measured +threshold +expected +% of it$' <<<"$output"
    grep -qE '^  FAIL +sim001 r1 > sim00[023] r1 +3[01][0-9.]+ Gb/s >= 37[0-9.]+ +39?[0-9.]+ +(79|80)[0-9.]+$' <<<"$output"
}

@test "of what a machine expects otherwise than it was measured, it is said how they differ" {
    "$railgauge" simulate --nodes 3 --rails 2 --size 64K --queue-pairs 4 -o "$work/run" >"$work/said"
    jq '.expectations |= map(select(.test == "rdma_write_bw" and .scope == "rail" and .size_bytes == 65536) | .queue_pairs = 1)' \
        "$golden/lab.json" >"$work/lab.json"
    run -3 "$railgauge" compare "$work/run" --machine "$work/lab.json"
    [[ $output == "INCONCLUSIVE: Nothing in the run could be held against lab."* ]]
    [[ $output == *"rdma_write_bw 64K one_way is not compared with lab: that expects it with 1 queue pair, here 4"* ]]
}

@test "markdown of many suspects and lost ranks still fits a comment, and says how many are left out" {
    local faults=()
    for node in $(seq 0 39); do
        faults+=(--fault "slow,part=tx,node=$node,rail=$((node % 8)),loss=20")
    done
    "$railgauge" simulate --nodes 128 --rails 8 "${faults[@]}" -o "$work/ill" >"$work/said" || [ $? = 1 ]
    run -1 "$railgauge" compare "$work/ill" --machine a3-ultra --fleet --format markdown
    [ "${#output}" -lt 65536 ]
    [ "$(grep -c '^- \*\*suspect' <<<"$output")" = 16 ]
    grep -q '^- and 24 more suspects$' <<<"$output"
}

@test "--learn takes rails, rates and their sources from another machine, and what was learned can be learned from again" {
    local runs=()
    for seed in 1 2 3; do
        "$railgauge" simulate --nodes 3 --rails 2 --size 64K --seed $seed -o "$work/run$seed" >"$work/said"
        runs+=("$work/run$seed")
    done
    run -0 "$railgauge" compare --learn "${runs[@]}" --machine "$golden"/lab.json -o "$work/next.json"
    run -0 "$railgauge" compare --learn "${runs[@]}" --machine "$work/next.json" -o "$work/after.json"
    run -0 scripts/validate "$work/next.json" "$work/after.json"
    [ "$(jq -c '[.line_rate_gbps, .rails, .facts.line_rate_gbps, (.sources | length)]' "$work/after.json")" = '[400,2,"a-guess",2]' ]
}
