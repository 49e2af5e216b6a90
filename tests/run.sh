#!/usr/bin/env bash
# Installs what is needed, builds, and runs every test. Quick when repeated. Ends with a plain verdict.
#
#   tests/run.sh            everything; what CI runs
#   tests/run.sh quick      the release build and its tests only
#   tests/run.sh STAGE...   some stages: release lint asan tsan fuzz tidy, and clang, which is not in "everything"
#
# MEDFLYT_JOBS says how many compilers and tests run at once (else one a processor). Each stage tells how long it took.
#
# Test data that is not part of the project is read from $MEDFLYT_SHARED, else ../shared; the verdict counts what was
# skipped for want of it.
set -uo pipefail
cd "$(dirname "$0")/.." || exit 1

stages=("$@")
[ ${#stages[@]} -gt 0 ] || stages=(release lint asan tsan fuzz tidy)
[ "${stages[*]}" != quick ] || stages=(release)
for stage in "${stages[@]}"; do
  case $stage in
    release | lint | asan | tsan | clang | fuzz | tidy) ;;
    *) echo "usage: $0 [quick | release lint asan tsan clang fuzz tidy]" >&2; exit 2 ;;
  esac
done

# Compilations are shared between checkouts: paths in them are relative.
export CCACHE_BASEDIR=$PWD CCACHE_NOHASHDIR=1

jobs=${MEDFLYT_JOBS:-$(nproc)}
logs=build/logs
mkdir -p "$logs"
passed=0 failed=0 skipped=0 skipped_shared=0
broken=()

say() { printf '\n== %s\n' "$*"; }

# heartbeat NAME LOG: each minute, the last line of the log, until it is killed.
heartbeat() {
  while sleep 60 >/dev/null 2>&1; do printf '...     %s: %.100s\n' "$1" "$(tail -n 1 "$2")"; done
}

# check NAME COMMAND...: one pass or failure; shows the end of what it printed when it fails.
check() {
  local name=$1 log
  shift
  log="$logs/${name//[^a-zA-Z0-9-]/_}.log"
  local begun=$SECONDS beat code
  heartbeat "$name" "$log" &
  beat=$!
  "$@" >"$log" 2>&1
  code=$?
  kill "$beat" && wait "$beat" 2>/dev/null
  if [ "$code" -eq 0 ]; then
    passed=$((passed + 1))
    printf 'ok      %s (%d s)\n' "$name" $((SECONDS - begun))
  else
    failed=$((failed + 1))
    broken+=("$name")
    printf 'FAILED  %s (%d s): the end of %s\n' "$name" $((SECONDS - begun)) "$log"
    tail -n 40 "$log"
    return 1
  fi
}

# ctests NAME BUILD_DIR CTEST_ARGUMENTS...: counts each test.
ctests() {
  local name=$1 dir=$2 log="$logs/$1.log" begun=$SECONDS counts
  shift 2
  heartbeat "$name" "$log" &
  local beat=$! code
  ctest --test-dir "$dir" -j "$jobs" --output-on-failure --no-tests=error "$@" >"$log" 2>&1
  code=$?
  kill "$beat" && wait "$beat" 2>/dev/null
  counts=$(sed -n 's/^[0-9]*% tests passed, \([0-9]*\) tests failed out of \([0-9]*\)$/\1 \2/p' "$log" | tail -1)
  read -r bad all <<<"${counts:-1 1}"
  local skip unset last="$dir/Testing/Temporary/LastTest.log"
  skip=$(grep -cE '\*\*\*Skipped' "$log")
  skipped_shared=$((skipped_shared + $(grep -c 'SKIPPED-SHARED' "$last")))
  # GoogleTest skips the tests of a suite that could not be set up, and ctest takes them for skipped.
  unset=$(grep -cE '^\[  FAILED  \] .*: SetUpTestSuite or TearDownTestSuite$' "$last")
  if [ "$unset" -gt 0 ]; then
    code=1 bad=$((bad + unset)) skip=$((skip - unset))
    grep -B12 -E '^\[ RUN ' "$last" | grep -A3 -E 'Failure$' | head -20
  fi
  passed=$((passed + all - bad - skip))
  failed=$((failed + bad))
  skipped=$((skipped + skip))
  if [ "$code" -ne 0 ]; then
    broken+=("$name")
    [ "$bad" -gt 0 ] || failed=$((failed + 1))
    printf 'FAILED  %s: %s of %s tests (%d s); see %s\n' "$name" "$bad" "$all" $((SECONDS - begun)) "$log"
    grep -E '\(Failed\)|\(Timeout\)|\*\*\*Exception|Unable to find' "$log" | sort -u | head -40
    grep -B2 -A12 -E '^\[  FAILED|Failure$|ERROR: |panic:|Falsifiable' "$log" | head -120
  else
    printf 'ok      %s: %s tests, %s skipped (%d s)\n' "$name" "$all" "$skip" $((SECONDS - begun))
  fi
  [ "$skip" -eq 0 ] || sed -nE 's/^.*Test +#[0-9]+: ([^ ]+) .*\*\*\*Skipped.*$/skipped \1/p' "$log" | head -20
}

build() {  # build PRESET TARGET...
  local preset=$1
  shift
  check "configure-$preset" cmake --preset "$preset" && check "build-$preset" cmake --build --preset "$preset" -j "$jobs" "${@/#/--target=}"
}

stage_release() {
  say "release: optimised build, all tests"
  build release && ctests tests build/release
}

stage_lint() {
  say "lint: layers, headers, format, protos"
  check configure-release cmake --preset release || return
  check layers-includes python3 tests/arch/check_includes.py . build/release/layers.txt
  check layers-link-alone cmake --build build/release -j "$jobs" --target link_alone
  check headers-compile-alone cmake --build build/release -j "$jobs" --target all_verify_interface_header_sets
  check clang-format bash -c "git ls-files '*.cc' '*.h' | xargs clang-format-16 --dry-run -Werror"
  check service-unit tests/arch/check_service_unit.sh .
  check buf-lint tests/node_modules/.bin/buf lint proto
  check no-registry-hosts bash -c "! git grep -nIE '(registry\.npmjs|deb\.debian|pypi\.org)' -- . ':!tests/run.sh'"
}

stage_asan() {
  say "asan: AddressSanitizer and UndefinedBehaviorSanitizer"
  build asan-ubsan sanitized_tests && ctests asan-tests build/asan-ubsan -L sanitized
}

stage_tsan() {
  export TSAN_OPTIONS="suppressions=$PWD/tests/tsan.supp"
  say "tsan: ThreadSanitizer, on what uses neither gRPC nor RocksDB"
  build tsan threaded_tests && ctests tsan-tests build/tsan -L threaded
}

stage_clang() {
  say "clang: objects from the other compiler (what it has to say, tidy shows)"
  build clang-safety
}

stage_fuzz() {
  say "fuzz: every target for a fixed number of inputs"
  build fuzz fuzz_targets && ctests fuzz build/fuzz
}

stage_tidy() {
  say "tidy: clang's warnings, thread-safety analysis and clang-tidy, on all production code"
  # A source is read again only when it has changed, so that this is long only the first time.
  build clang-safety generated_sources && check clang-tidy python3 tests/arch/check_tidy.py . build/clang-safety "$jobs"
}

say "packages"
deploy/packages.sh test || { echo "FAILED  packages: see above"; exit 1; }
if [ ! -x tests/node_modules/.bin/buf ] || [ tests/package-lock.json -nt tests/node_modules/.package-lock.json ]; then
  # Not "npm ci": it wants the packages of every platform in the lock file.
  check npm-packages npm install --no-save --prefix tests --no-audit --no-fund
fi

durations=()
for stage in "${stages[@]}"; do
  begun_stage=$SECONDS failed_before=$failed
  "stage_$stage" || true
  verdict=ok
  [ "$failed" -eq "$failed_before" ] || verdict=FAILED
  durations+=("$(printf '%-7s %-8s %4d s' "$verdict" "$stage" $((SECONDS - begun_stage)))")
  say "${durations[-1]}"
done

say "verdict"
printf '%s\n' "${durations[@]}"
[ $skipped_shared -eq 0 ] || echo "$skipped_shared tests were skipped because the shared test data is absent"
[ ${#broken[@]} -eq 0 ] || echo "broken: ${broken[*]}"
echo "$passed passed, $failed failed, $skipped skipped in $SECONDS s"
[ $failed -eq 0 ]
