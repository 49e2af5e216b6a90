#!/usr/bin/env bash
# Installs the Debian 12 packages that a purpose needs, and only those that are missing.
#
#   deploy/packages.sh build|test|bench|all
#
# Quick when repeated: it asks dpkg first and touches the network only when something is missing.
set -euo pipefail

build=(
  g++ cmake ninja-build ccache pkg-config git ca-certificates openssl python3
  libgrpc++-dev protobuf-compiler protobuf-compiler-grpc libprotobuf-dev
  libabsl-dev libsodium-dev librocksdb-dev libssl-dev libjemalloc-dev
  jq libcli11-dev libtomlplusplus-dev libspdlog-dev prometheus-cpp-dev nlohmann-json3-dev
)
tests=(
  libgtest-dev libgmock-dev librapidcheck-dev libbenchmark-dev
  clang-16 clang-tidy-16 clang-format-16 libclang-rt-16-dev lld-16
  golang-go golang-golang-x-mod-dev python3-grpcio python3-protobuf strace procps systemd tzdata
)
bench=(postgresql postgresql-contrib)

case "${1:-all}" in
  build) wanted=("${build[@]}") ;;
  test) wanted=("${build[@]}" "${tests[@]}") ;;
  bench) wanted=("${build[@]}" "${tests[@]}" "${bench[@]}") ;;
  all) wanted=("${build[@]}" "${tests[@]}" "${bench[@]}") ;;
  *) echo "usage: $0 build|test|bench|all" >&2; exit 2 ;;
esac

# A Node.js from elsewhere conflicts with Debian's, so ours is only a fallback.
if [ "${1:-all}" != build ] && ! command -v npm >/dev/null; then wanted+=(nodejs npm); fi

missing=()
for package in "${wanted[@]}"; do
  dpkg-query -W -f='${db:Status-Status}' "$package" 2>/dev/null | grep -qx installed || missing+=("$package")
done
[ ${#missing[@]} -eq 0 ] && exit 0

echo "packages: installing ${#missing[@]}: ${missing[*]}"
sudo=()
if [ "$(id -u)" -ne 0 ]; then
  command -v sudo >/dev/null || { echo "packages: neither root nor sudo: install these first" >&2; exit 1; }
  sudo=(sudo)
fi
"${sudo[@]}" apt-get update -qq
"${sudo[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
