# One image for the gateway, the sample areas service and the scenarios. Node runs the TypeScript as it is.
FROM node:24-bookworm-slim

WORKDIR /app
# The runtime pinned for laptops (optional dependencies) stays out: this image is the runtime.
COPY package.json package-lock.json .npmrc ./
RUN npm ci --omit=dev --omit=optional && npm cache clean --force
COPY . .
# Readable by whoever the container runs as, however strict the umask under which this was checked out.
RUN mkdir reports && find . -path ./node_modules -prune -o -exec chmod a+rX {} +

USER node
EXPOSE 3000
CMD ["node", "src/main.ts"]
