// A child that heeds neither SIGTERM nor the end of its channel.
process.on('SIGTERM', () => {})
setInterval(() => {}, 60_000)
process.send?.({ ready: true, ports: {} })
