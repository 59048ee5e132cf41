# One image for every role: `paceline scheduler`, `worker`, `reconciler`, `run`, and the command line.
#
#   docker build --tag paceline .
#   docker run --rm paceline --help

FROM rust:1.95-bookworm AS build
WORKDIR /src
COPY . .
RUN cargo build --release --locked --package paceline

FROM debian:bookworm-slim
# Certificates, to trust the platform; curl, for the health checks.
RUN apt-get update \
    && apt-get install --yes --no-install-recommends ca-certificates curl \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --system --create-home --home-dir /var/lib/paceline paceline
COPY --from=build /src/target/release/paceline /usr/local/bin/paceline
USER paceline
WORKDIR /var/lib/paceline
# A process that is asked to stop finishes what it has in hand; see stop_grace_period in docker-compose.yml.
STOPSIGNAL SIGTERM
ENTRYPOINT ["paceline"]
CMD ["--help"]
