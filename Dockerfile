# One image for every role: `paceline scheduler`, `worker`, `reconciler`, `run`, and the command line.
#
#   docker build --tag paceline .
#   docker run --rm paceline --help
#
# `run` on the embedded database needs a volume for it; without one the database goes with the container, and nobody
# knows any more what was sent:
#
#   docker run --init --volume paceline-data:/var/lib/paceline --env-file .env --publish 8080:8080 \
#       --volume ./workers.toml:/etc/paceline/workers.toml:ro --env PACELINE_CONFIG=/etc/paceline/workers.toml paceline run

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
