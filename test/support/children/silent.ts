// A child that never says it is ready.
process.on('disconnect', () => process.exit(0))
setInterval(() => {}, 60_000)
