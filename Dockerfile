# The gateway as an image: `docker build -t protogate .`, then
# `docker run --read-only -p 8080:8080 -v ./routes.json:/etc/protogate/routes.json:ro -v ./protos:/etc/protogate/protos:ro protogate`
FROM node:24-slim AS build
WORKDIR /build
COPY package.json package-lock.json ./
# Without install scripts: the only one fetches a Node, which is here already.
RUN npm ci --ignore-scripts
COPY . .
RUN node scripts/build.ts && npm prune --omit=dev --ignore-scripts

FROM node:24-slim
ENV NODE_ENV=production
# The port is published from inside: loopback of the container is of no use to anybody.
ENV PROTOGATE_HOST=0.0.0.0
WORKDIR /app
COPY --from=build /build/package.json /build/LICENSE /build/routes.schema.json ./
COPY --from=build /build/node_modules node_modules
COPY --from=build /build/bin bin
COPY --from=build /build/dist dist
# A number, so that Kubernetes can see that it is not root. Nothing is written anywhere: the root may be read-only.
USER 1000:1000
WORKDIR /etc/protogate
EXPOSE 8080 9090
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=3s --start-period=10s \
  CMD ["node", "-e", "fetch(`http://127.0.0.1:${process.env.PROTOGATE_ADMIN_PORT ?? 9090}/livez`).then((r) => process.exit(r.ok ? 0 : 1), () => process.exit(1))"]
ENTRYPOINT ["node", "/app/bin/protogate.js"]
CMD ["run", "--config", "/etc/protogate/routes.json"]
