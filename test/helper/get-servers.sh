#!/bin/sh
# Puts the servers that the tests run on below .servers: bin/NAME-server and bin/NAME-cli for
#   redis7 (Debian bookworm), redis8 and valkey8 (trixie), redis-next (experimental), valkey9 (sid).
# Nothing is installed: the packages are unpacked, and run through the loader and the libraries of sid,
# which are newer than any of them needs. A server that cannot be had is named and left out.
# What is there already is kept: a second run is quick.
set -u
cd "$(dirname "$0")/../.." || exit 1
mkdir -p .servers && cd .servers || exit 1
dir=$(pwd)

all='redis7 redis8 redis-next valkey8 valkey9'
missing=
for name in $all; do
  [ -x "bin/$name-server" ] && [ -x "bin/$name-cli" ] || missing="$missing $name"
done
[ -n "$missing" ] || exit 0

say() {
  echo "servers: $*" >&2
}
if ! command -v apt-get >/dev/null || ! command -v dpkg >/dev/null; then
  say "no apt here, so these are not to be had:$missing; SERVERS_DIR may name a folder with bin/NAME-server"
  exit 0
fi

# The mirror that this machine uses, if it is a Debian; else Debian's own.
mirror=$(cat /etc/apt/sources.list /etc/apt/sources.list.d/*.list /etc/apt/sources.list.d/*.sources 2>/dev/null |
  grep -v '^#' | grep -oE 'https?://[^ ]+/debian/?( |$)' | head -n 1 | tr -d ' ')
[ -n "$mirror" ] || mirror=http://deb.debian.org/debian
keyring=/usr/share/keyrings/debian-archive-keyring.gpg
if [ -e "$keyring" ]; then trust="signed-by=$keyring"; else trust='trusted=yes'; fi

mkdir -p apt/lists/partial apt/cache/archives/partial bin
for suite in bookworm trixie sid experimental; do
  echo "deb [$trust] ${mirror%/} $suite main"
done >apt/sources.list

apt() {
  command=$1
  shift
  apt-get \
    -o Dir::Etc::sourcelist="$dir/apt/sources.list" -o Dir::Etc::sourceparts=/dev/null \
    -o Dir::State::lists="$dir/apt/lists" -o Dir::Cache="$dir/apt/cache" \
    -o APT::Get::List-Cleanup=0 -o Acquire::Languages=none -o Acquire::Check-Valid-Until=false \
    -o APT::Sandbox::User=root -o Acquire::Retries=3 -qq "$command" "$@" >>"$dir/apt/log" 2>&1
}

# unpack FOLDER SUITE PACKAGE...
unpack() {
  into=$1
  suite=$2
  shift 2
  [ -e "$into/.complete" ] && return 0
  rm -rf "$into" "$into.debs"
  mkdir -p "$into" "$into.debs"
  for package in "$@"; do
    (cd "$into.debs" && apt download "$package/$suite") || return 1
  done
  for deb in "$into.debs"/*.deb; do
    dpkg -x "$deb" "$into" || return 1
  done
  rm -rf "$into.debs"
  touch "$into/.complete"
}

suite_of() {
  case $1 in
  redis7) echo bookworm ;;
  redis8 | valkey8) echo trixie ;;
  redis-next) echo experimental ;;
  valkey9) echo sid ;;
  esac
}

say "fetching$missing"
: >apt/log
updated=no
for try in 1 2 3; do
  if apt update; then
    updated=yes
    break
  fi
  sleep "$try"
done
[ $updated = yes ] || say "not every package list could be had: $(tail -n 1 apt/log)"

libraries='libc6 libssl3t64 libatomic1 libgcc-s1 libstdc++6 libjemalloc2 liblzf1 libsystemd0 libcap2
  libzstd1 zlib1g liblz4-1 liblzma5 libgcrypt20 libgpg-error0 liblua5.1-0 lua-cjson lua-bitop'
# shellcheck disable=SC2086 # a list of words
if ! unpack lib sid $libraries; then
  say "their libraries cannot be had: $(tail -n 1 apt/log)"
  exit 0
fi
loader=$(find "$dir/lib" -name 'ld-linux*.so*' | head -n 1)
libs=$(dirname "$(find "$dir/lib" -name libc.so.6 | head -n 1)")

# Paths relative to the starter, so that the repository can be moved.
write_starter() {
  cat >"bin/$1" <<STARTER
#!/bin/sh
here=\${0%/*}/..
exec "\$here/${loader#"$dir"/}" --library-path "\$here/${libs#"$dir"/}" "\$here/$2" "\$@"
STARTER
  chmod +x "bin/$1"
}

for name in $missing; do
  brand=${name%%[0-9-]*}
  if ! unpack "$name" "$(suite_of "$name")" "$brand-server" "$brand-tools"; then
    say "$name ($(suite_of "$name")) cannot be had: $(tail -n 1 apt/log)"
    continue
  fi
  for tool in server cli; do
    write_starter "$name-$tool" "$name/usr/bin/$brand-$tool"
  done
  if version=$("bin/$name-server" --version 2>&1); then
    say "$name: $(echo "$version" | grep -oE 'v=[0-9.]+' | cut -c3-)"
  else
    say "$name does not run: $version"
    rm -f "bin/$name-server" "bin/$name-cli"
  fi
done
exit 0
