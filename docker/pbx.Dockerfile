# The stand-in PBX that docker/compose.yaml puts behind Postern, for a trial alone: its passwords stand in scripts/pbx/kamailio.cfg.
# At the root of the checkout: docker build -f docker/pbx.Dockerfile -t postern-pbx .

FROM debian:bookworm-slim
RUN export DEBIAN_FRONTEND=noninteractive && \
    apt-get update && \
    apt-get install -y --no-install-recommends kamailio && \
    apt-get clean && \
    rm -rf /var/lib/apt/lists/* /var/cache/debconf/*-old /var/lib/dpkg/*-old /var/log/apt /var/log/dpkg.log /var/log/alternatives.log && \
    groupadd --gid 5061 pbx && \
    useradd --uid 5061 --gid 5061 --no-create-home --home-dir /run/pbx --shell /usr/sbin/nologin pbx && \
    chmod 1777 /run
COPY scripts/pbx /opt/pbx

LABEL org.opencontainers.image.title="postern-pbx" \
      org.opencontainers.image.description="The stand-in PBX that Postern is tried with" \
      org.opencontainers.image.base.name="docker.io/library/debian:bookworm-slim"

USER 5061:5061
EXPOSE 15060/udp
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=30s --timeout=10s --start-period=10s --retries=3 CMD ["kamcmd", "-s", "unix:/run/pbx/ctl", "core.uptime"]
ENTRYPOINT ["/opt/pbx/start", "/run/pbx"]
CMD ["127.0.0.1:15060"]
