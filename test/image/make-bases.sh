#!/bin/sh
# make-bases.sh CACHE: imports the two bases of the Dockerfile into Docker under their official names,
# made here from Debian's packages, for machines that reach no registry. What Docker already has stays
# as it is. The root file system is kept in CACHE, so a second run is quick. DOCKER names the client
# (docker), DOCKER_HOST the daemon, as everywhere.
#
#   debian:trixie-slim    debootstrap, minimal
#   node:22-trixie-slim   the same with this machine's npm and the Node that NODE names, and its CAs:
#                         npm in the build asks the registry that npm here asks
set -eu

cache=${1:?CACHE}
docker=${DOCKER:-docker}
mkdir -p "$cache"
cache=$(cd "$cache" && pwd)
work=$(mktemp -d "$cache/work.XXXXXX")
trap 'rm -rf "$work"' EXIT
trap 'exit 143' TERM INT

mirror=$(cat /etc/apt/sources.list /etc/apt/sources.list.d/* 2>/dev/null |
  grep -oE 'https?://[^ ]+/(debian|ubuntu)/?( |$)' | head -n 1 | tr -d ' ')
mirror=${mirror%/}
[ "${mirror##*/}" = debian ] || mirror=http://deb.debian.org/debian

has() { "$docker" image inspect "$1" >/dev/null 2>&1; }

base=$cache/debian-trixie.tar
if ! has debian:trixie-slim && [ ! -e "$base" ]; then
  keyring=/usr/share/keyrings/debian-archive-keyring.gpg
  debootstrap --variant=minbase --keyring="$keyring" trixie "$work/root" "$mirror" >"$work/log" 2>&1 || {
    tail -n 20 "$work/log" "$work/root/debootstrap/debootstrap.log" >&2
    exit 1
  }
  # As the official slim image: apt keeps no archives, no documentation, no lists.
  printf 'DPkg::Post-Invoke { "rm -f /var/cache/apt/archives/*.deb || true"; };\nDir::Cache::pkgcache "";\nDir::Cache::srcpkgcache "";\nAcquire::Languages "none";\n' \
    >"$work/root/etc/apt/apt.conf.d/docker-clean"
  printf 'path-exclude /usr/share/doc/*\npath-exclude /usr/share/man/*\npath-exclude /usr/share/locale/*\n' \
    >"$work/root/etc/dpkg/dpkg.cfg.d/docker"
  for unwanted in usr/share/doc usr/share/man usr/share/locale var/cache/apt/archives var/lib/apt/lists; do
    find "${work:?}/root/$unwanted" -type f -delete
  done
  tar -C "$work/root" --numeric-owner -cf "$work/base.tar" .
  mv "$work/base.tar" "$base"
fi
has debian:trixie-slim || "$docker" import "$base" debian:trixie-slim >/dev/null
if has node:22-trixie-slim; then exit 0; fi

# What npm here trusts, npm there has to trust.
mkdir -p "$work/context/npm"
cp -L "${NODE:-$(command -v node)}" "$work/context/node"
cat "${NODE_EXTRA_CA_CERTS:-/etc/ssl/certs/ca-certificates.crt}" >"$work/context/ca.crt" 2>/dev/null || true
printf 'registry=%s\n' "$(npm config get registry)" >"$work/context/npmrc"
cli=$(readlink -f "$(command -v npm)")
case $cli in
  # Debian's npm is hundreds of packages, of no use without the others.
  /usr/share/nodejs/*) get='apt-get update && apt-get install --yes --no-install-recommends npm' ;;
  *)
    cp -LR "${cli%/bin/*}/." "$work/context/npm"
    get='ln -s ../lib/node_modules/npm/bin/npm-cli.js /usr/local/bin/npm'
    ;;
esac
cat >"$work/context/Dockerfile" <<END
FROM debian:trixie-slim
RUN $get
COPY node /usr/local/bin/node
COPY npm /usr/local/lib/node_modules/npm
COPY npmrc /usr/local/etc/npmrc
COPY ca.crt /usr/local/share/ca.crt
ENV NODE_EXTRA_CA_CERTS=/usr/local/share/ca.crt
ENV NPM_CONFIG_GLOBALCONFIG=/usr/local/etc/npmrc
END
DOCKER_BUILDKIT=1 "$docker" build --quiet --network=host --tag node:22-trixie-slim "$work/context" >/dev/null
