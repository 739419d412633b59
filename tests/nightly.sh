# The parts of ./bootstrap nightly, which reads this file: what takes too long for each change.
# SPDX-License-Identifier: LGPL-2.1-or-later

# What only these parts need.
to_check=(clang libclang-rt-14-dev valgrind dpkg-dev flex bison systemd-container)
nightly_parts=(threads memory fuzz kills service)

# run_tests counts tests; this counts what was reported beside them.
count_reports() { python3 tests/reports.py "$@"; }

# fresh DIRECTORY: empties it.
fresh() { rm -rf "$1" && mkdir -p "$1"; }

# All tests with the thread sanitizer, on a GLib and a GStreamer that have it as well.
nightly_threads() {
  local libraries=$PWD/build-tsan/libraries reports=$PWD/build-tsan/reports
  mkdir -p build-tsan
  tests/tsan/libraries.sh "$libraries"
  # An RPATH, unlike a RUNPATH or LD_LIBRARY_PATH, holds for the libraries of our programs and for no other program.
  build build-tsan/build -Dwerror=true -Db_sanitize=thread -Db_lundef=false \
    -Dc_link_args="-Wl,--disable-new-dtags,-rpath,$libraries/lib"
  fresh "$reports"
  say "running the tests under the thread sanitizer"
  (
    # A slice is memory that GLib hands from thread to thread by itself.
    export G_SLICE=always-malloc
    # detect_deadlocks: it sees pthread's locks only, which none of our code takes; GStreamer takes its state and stream
    #   locks in both orders by design.
    # die_after_fork: GLib forks a process with threads only to execute another program.
    export TSAN_OPTIONS="suppressions=$PWD/tests/tsan/tsan.supp log_path=$reports/report exitcode=0 history_size=5 detect_deadlocks=0 die_after_fork=0"
    export MEDLEY_TEST_MEMORY_FACTOR=5 MEDLEY_TEST_PATIENCE=400 timeout_multiplier=10
    # The sandbox is off in this build: no worker could write its report.
    run_tests build-tsan/build "$results" --suite unit --suite elements --suite integration --no-suite sandbox
  )
  count_reports tsan "$reports" "$results"
}

# The integration suite with each medleyd under valgrind. Workers are not: what they run has the address sanitizer's pass.
nightly_memory() {
  local reports=$PWD/build/valgrind
  build build -Dwerror=true
  fresh "$reports"
  say "running the integration tests with medleyd under valgrind"
  (
    # valgrind keeps what was freed for a while, to see who still uses it.
    export G_SLICE=always-malloc MEDLEY_TEST_MEMORY_FACTOR=5 MEDLEY_TEST_PATIENCE=400 timeout_multiplier=10
    # --error-exitcode makes the tests see it, too; --quiet leaves reports only.
    export MEDLEY_TEST_WRAPPER="env LD_PRELOAD=$PWD/build/tests/valgrind/libpidfd-shim.so valgrind --quiet
      --trace-children=no --child-silent-after-fork=yes --leak-check=full --show-leak-kinds=definite
      --errors-for-leak-kinds=definite --num-callers=30 --error-exitcode=99
      --suppressions=$PWD/tests/valgrind/valgrind.supp --log-file=$reports/report.%p"
    run_tests build "$results" --suite integration
  )
  count_reports valgrind "$reports" "$results"
}

# Each fuzzer for its share of NIGHTLY_FUZZ_SECONDS, with what it found on other nights.
nightly_fuzz() {
  local names=() name found passed=0 failed=0 options seconds
  for name in tests/fuzz/fuzz-*.c; do
    name=${name##*/fuzz-}
    names+=("${name%.c}")
  done
  [ -e build-fuzz/build.ninja ] || CC=clang meson setup build-fuzz -Dfuzz=true -Db_lundef=false
  say "compiling the fuzzers"
  meson compile -C build-fuzz "${names[@]/#/fuzz-}"
  for name in "${names[@]}"; do
    found=$PWD/build-fuzz/found-$name
    mkdir -p "$found"
    # The pipeline reader is the largest by far: it gets as much as all others together.
    seconds=$((${NIGHTLY_FUZZ_SECONDS:-3600} / 2))
    options=("$found" "tests/fuzz/corpus/$name")
    if [ "$name" = pipeline ]; then
      options+=(pipelines tests/unit/faulty)
    else
      seconds=$((seconds / (${#names[@]} - 1) + 1))
    fi
    [ ! -e "tests/fuzz/$name.dict" ] || options+=("-dict=tests/fuzz/$name.dict")
    say "fuzzing fuzz-$name for $seconds seconds"
    # Leaks are for the replay in the address sanitizer's pass: tests/fuzz/README.md.
    if build-fuzz/tests/fuzz/fuzz-$name -max_total_time="$seconds" -max_len=20000 -detect_leaks=0 -timeout=20 \
      -rss_limit_mb=4096 -print_final_stats=1 -artifact_prefix="$PWD/build-fuzz/$name-" "${options[@]}" \
      >"build-fuzz/$name.log" 2>&1; then
      passed=$((passed + 1))
    else
      failed=$((failed + 1))
      printf 'FAILED  fuzz-%s: the input is named at the end of build-fuzz/%s.log\n' "$name" "$name"
      tail -n 25 "build-fuzz/$name.log"
    fi
    grep -E '^stat::(number_of_executed_units|new_units_added|peak_rss_mb)' "build-fuzz/$name.log" || true
  done
  printf '%d %d\n' $passed $failed >>"$results"
}

# The daemon is killed NIGHTLY_KILLS times while jobs are made.
nightly_kills() {
  build build -Dwerror=true
  say "killing medleyd ${NIGHTLY_KILLS:-500} times, and failing every file operation of the commit path"
  MEDLEY_TEST_KILLS=${NIGHTLY_KILLS:-500} MEDLEY_TEST_STRIDE=1 timeout_multiplier=60 run_tests build "$results" kill commit
}

# The units under a systemd of their own, in a container; only root can have one.
nightly_service() {
  local sudo=()
  build build -Dwerror=true
  [ "$(id -u)" -eq 0 ] || sudo=(sudo)
  say "booting a container with the systemd units"
  "${sudo[@]}" tests/service/boot.sh build | tee build/service.tap || true
  awk '/^ok/ { p++ } /^not ok|^Bail/ { f++ } END { print p + 0, f + 0 }' build/service.tap >>"$results"
}

# nightly [PART...]
nightly() {
  local part begin passed failed total_failed=0 lines=()
  [ $# -gt 0 ] || set -- "${nightly_parts[@]}"
  for part in "$@"; do
    [[ " ${nightly_parts[*]} " == *" $part "* ]] || fail "nightly has no part \"$part\"; it has: ${nightly_parts[*]}"
  done
  to_test+=("${to_check[@]}")
  install_packages
  results=$(mktemp)
  trap 'rm -f "$results"' EXIT
  for part in "$@"; do
    begin=$SECONDS
    : >"$results"
    # In a shell of its own: a part that breaks off is a failure, and the others are still wanted.
    set +e
    (set -e; "nightly_$part")
    [ $? -eq 0 ] || printf '0 1\n' >>"$results"
    set -e
    read -r passed failed < <(awk '{ p += $1; f += $2 } END { print p + 0, f + 0 }' "$results")
    [ $((passed + failed)) -gt 0 ] || failed=1
    total_failed=$((total_failed + failed))
    lines+=("$(printf '%-8s %5d passed, %d failed or reported, %d min %02d s' "$part" "$passed" "$failed" \
      $(((SECONDS - begin) / 60)) $(((SECONDS - begin) % 60)))")
  done
  say "the night's parts"
  printf '%s\n' "${lines[@]}"
  [ "$total_failed" -eq 0 ]
}
