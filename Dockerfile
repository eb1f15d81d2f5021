# The one image of a pod: Debian, its Redis or Valkey server, its Node, and the bundled agent.
#
#   docker build -t redis-cluster-agent .                                     Redis
#   docker build -t redis-cluster-agent --build-arg SERVER=valkey .           Valkey
#   docker build -t redis-cluster-agent --platform linux/arm/v7 .             for another machine
#
# Into a cluster without a registry, as a file:
#
#   docker save redis-cluster-agent | gzip > redis-cluster-agent.tar.gz
#   k3s ctr images import redis-cluster-agent.tar.gz                          k3s, on every node
#   kind load image-archive redis-cluster-agent.tar.gz                        kind; minikube image load ...
#
# Both bases are arguments, so that a build needs no registry: any Debian 13 or newer, and any image
# with npm and a Node for the machine that builds. The bundle is the same for every platform.
ARG BUILD_BASE=node:22-trixie-slim
ARG BASE=debian:trixie-slim

FROM --platform=$BUILDPLATFORM ${BUILD_BASE} AS build
WORKDIR /src
COPY package.json package-lock.json ./
RUN npm ci --no-audit --no-fund
COPY build.ts tsconfig.json ./
COPY image image
COPY agent agent
# By npm, for the Node of package.json: it runs TypeScript, whichever one the base has.
RUN npm run build

FROM ${BASE}
LABEL org.opencontainers.image.title="redis-cluster-agent" \
  org.opencontainers.image.description="A Redis or Valkey Cluster that forms and heals itself on Kubernetes: server and agent" \
  org.opencontainers.image.licenses="MIT"
# redis or valkey
ARG SERVER=redis
RUN apt-get update \
  && DEBIAN_FRONTEND=noninteractive apt-get install --yes --no-install-recommends \
    nodejs ${SERVER}-server ${SERVER}-tools \
  && rm -rf /var/lib/apt/lists/* /var/cache/apt/*.bin /var/log/*.log /var/log/apt \
  && groupadd --gid 999 agent \
  && useradd --uid 999 --gid 999 --no-create-home --home-dir /data --shell /usr/sbin/nologin agent \
  && mkdir -p /data /run/redis-cluster /etc/redis-cluster \
  && chown 999:999 /data /run/redis-cluster
COPY --from=build /src/dist/ /opt/agent/
COPY image/agent /usr/local/bin/agent
USER 999:999
WORKDIR /data
CMD ["agent", "run"]
